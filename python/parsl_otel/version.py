"""The version of the plugin, told to the bridge with every run."""
VERSION = '0.1.0'
