"""Starts moto's server, prints its port, and exits with the program that started it. Changes nothing in moto."""

import os
import shutil
import sys

from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)

# Waits until the parent exits, which closes standard input. The server's threads end with this one.
sys.stdin.read()
shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
