"""The plugin is tested by running pytest inside pytest."""

pytest_plugins = ["pytester"]
