"""A worker of another kind in another language: it does sums and counts words for the world.

    moothallctl worker-token words words-1 --data DATA > token
    python3 worker.py --run-dir DATA/run --name words-1 --token-file token

From a verb, then: worker_request("words", {"count", "so many words"}) gives 3. It needs pyzmq and nothing else. All that
is particular to it is in `carry_out`; docs/workers.md says what the rest does and why.
"""

import argparse
import json
import os
import struct
import sys
import time

import zmq

KIND = "words"
CONCURRENCY = 4

# The header: magic, version, flags, kind, zero, correlation, deadline, epoch; little endian.
HEADER = struct.Struct("<HBBHHQII")
MAGIC, VERSION, FLAG_JSON = 0x484D, 1, 4
WORKER_FAMILY = 0x0B
VARIANTS = ["Hello", "AttachWorker", "Ready", "WorkerPong", "RequestResult", "RequestError", "RenewToken", "DetachWorker"]
PINGS = b"json/workers"
SILENCE_S, RETRY_S, RENEW_S = 6, 0.5, 1800


def carry_out(request):
    """What is asked: the arguments of worker_request(), and its options as a map at the end."""
    what, *arguments, _options = request
    if what == "count":
        return len(arguments[0].split())
    if what == "sum":
        return sum(arguments[0])
    if what == "fail":
        raise RuntimeError("as it was told to")
    raise ValueError(f"`{what}` is not understood: count, sum or fail")


class Worker:
    def __init__(self, run_dir, name, token):
        self.id = name.encode().ljust(16, b"\0")[:16]
        self.token = token
        self.run_dir = run_dir
        self.context = zmq.Context()
        self.correlation = 0
        self.epoch = 0
        self.jobs = {}  # what was asked and is not acknowledged: id -> (attempt, answer or None)
        self.answers = {}  # correlation of an answer -> id
        self.connect()

    def connect(self):
        """Opens the sockets. The routing id is new at each start: role, lane, id, and 8 bytes by chance."""
        self.dealer = self.context.socket(zmq.DEALER)
        self.dealer.setsockopt(zmq.ROUTING_ID, bytes([2, 0]) + self.id + os.urandom(8))
        self.events = self.context.socket(zmq.SUB)
        self.events.setsockopt(zmq.SUBSCRIBE, PINGS)
        for socket, file in ((self.dealer, "workers.sock"), (self.events, "events.sock")):
            socket.setsockopt(zmq.LINGER, 500)
            socket.setsockopt(zmq.RECONNECT_IVL, 50)
            socket.connect(f"ipc://{self.run_dir}/{file}")
        self.state = "new"
        self.next_try = self.heard_at = time.monotonic()

    def say(self, message, /, **fields):
        """Sends a message; gives the correlation that its answer will have."""
        self.correlation += 1
        kind = WORKER_FAMILY << 8 | VARIANTS.index(message)
        header = HEADER.pack(MAGIC, VERSION, FLAG_JSON, kind, 0, self.correlation, 0, self.epoch)
        body = json.dumps({"type": message, **fields}).encode()
        self.dealer.send(header + self.id + body)
        return self.correlation

    def greet(self):
        self.state = "greeting"
        self.next_try = time.monotonic() + RETRY_S
        self.step = self.say("Hello", versions=[1, 1], build="python", id=self.id.hex(), token=self.token)

    def attach(self):
        self.state = "attaching"
        known = [[id, attempt] for id, (attempt, _) in self.jobs.items()]
        self.step = self.say("AttachWorker", worker_type=KIND, token=self.token, concurrency=CONCURRENCY, known=known)

    def attached(self, token):
        self.state, self.token = "attached", token or self.token
        self.heard_at, self.renew_at = time.monotonic(), time.monotonic() + RENEW_S
        print("attached", flush=True)
        for id in self.jobs:
            self.give(id)
        self.say("Ready", credits=CONCURRENCY - len(self.jobs))

    def give(self, id):
        """Gives an answer, which is kept until the daemon has acknowledged it."""
        attempt, answer = self.jobs[id]
        message, fields = answer
        self.answers[self.say(message, id=id, attempt=attempt, **fields)] = id

    def settle(self, id):
        """The daemon has the answer or does not want it: there is room for another request."""
        if self.jobs.pop(id, None) is not None and self.state == "attached":
            self.say("Ready", credits=1)

    def work(self, message):
        id = message["id"]
        if id in self.jobs:
            return
        try:
            answer = "RequestResult", {"result": carry_out(message["request"])}
        except (ValueError, TypeError, IndexError) as error:
            answer = "RequestError", {"error": "InvalidRequest", "message": str(error)}
        except Exception as error:
            answer = "RequestError", {"error": "RequestError", "message": str(error)}
        self.jobs[id] = message["attempt"], answer
        self.give(id)

    def heard(self, frame):
        _, _, flags, _, _, correlation, _, epoch = HEADER.unpack_from(frame)
        if not flags & FLAG_JSON or epoch < self.epoch:
            return
        is_new = epoch > self.epoch
        self.epoch = epoch
        message = json.loads(frame[HEADER.size + 16 :])
        kind = message["type"]
        if kind == "WorkerRequest":
            self.work(message)
        elif kind in ("CancelRequest", "UnknownRequest"):
            self.settle(message["id"])
        elif kind == "PingWorkers":
            if is_new and self.state == "attached":
                self.greet()
            elif self.state == "attached":
                self.heard_at = time.monotonic()
                self.say("WorkerPong", ping=message["ping"], in_flight=list(self.jobs))
        elif kind == "PleaseDie" and message["worker"] == self.id.hex():
            sys.exit("the daemon wants this worker to end")
        elif kind == "Drain":
            sys.exit(message["why"])
        elif kind == "NotRegistered":
            self.greet()
        elif kind == "Attached" and self.state == "attaching":
            self.attached(message["token"])
        elif kind == "Attached":
            self.token = message["token"]
        elif kind == "AuthFailed":
            sys.exit(f"the daemon does not take the token: {message['why']}")
        elif kind == "Ack" and self.state == "greeting" and correlation == self.step:
            self.attach()
        elif correlation in self.answers:
            self.settle(self.answers.pop(correlation))

    def tick(self):
        now = time.monotonic()
        if self.state == "attached" and now - self.heard_at > SILENCE_S:
            self.dealer.close()
            self.events.close()
            self.connect()
        elif self.state == "attached" and now > self.renew_at:
            self.renew_at = now + RENEW_S
            self.say("RenewToken", token=self.token)
        elif self.state != "attached" and now >= self.next_try:
            self.greet()

    def run(self):
        while True:
            poller = zmq.Poller()
            poller.register(self.dealer, zmq.POLLIN)
            poller.register(self.events, zmq.POLLIN)
            for socket, _ in poller.poll(100):
                self.heard(socket.recv_multipart()[-1])
            self.tick()


def main():
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--run-dir", required=True, help="the folder `run` in the server's data")
    flags.add_argument("--name", default="words-1", help="the name in the token")
    flags.add_argument("--token-file", required=True, help="what `moothallctl worker-token` has printed")
    given = flags.parse_args()
    with open(given.token_file) as file:
        token = file.read().strip()
    Worker(given.run_dir, given.name, token).run()


if __name__ == "__main__":
    main()
