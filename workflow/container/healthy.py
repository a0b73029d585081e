#!/usr/bin/env python
"""In the images `healthy PORT PATH`: exit with 0 if the container's server answers there.

It goes through no proxy, whatever the container's environment names.
"""

import sys
from http.client import HTTPConnection

connection = HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=4)
connection.request("GET", sys.argv[2])
sys.exit(connection.getresponse().status != 200)
