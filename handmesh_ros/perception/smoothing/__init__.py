"""A followed hand made steady: position, orientation and fingers over time."""
