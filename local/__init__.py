"""The laptop's stand-ins for Azure: never shipped, never imported by what ships."""
