"""A Functions host for laptops: runs an unmodified Python v2 app where Core Tools are not installed.

It knows the rules of the Azure Functions host and nothing of any one app; it never ships and is never imported by what ships.
"""
