"""The published contract: one OpenAPI 3.1 document of every HTTP door, drawn from the bodies that are read and the views that are answered.

Drawn when it is first asked for, and only then: no other request pays for pydantic. Must not promise what no test holds.
"""
