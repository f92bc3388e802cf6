"""Several Buildbot workers in one process: workers.py PORT DIRECTORY NAME..."""
import os
import sys

from buildbot_worker.bot import Worker
from twisted.internet import reactor

port, directory, names = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
for name in names:
    home = os.path.join(directory, name)
    os.makedirs(os.path.join(home, "info"), exist_ok=True)
    Worker("127.0.0.1", port, name, "secret", home, keepalive=600, maxdelay=5).startService()
reactor.run()
