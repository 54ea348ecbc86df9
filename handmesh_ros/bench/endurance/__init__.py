"""The node for minutes or hours: pictures without end, faults on a schedule, and what came of each picture."""
