"""A page that counts its visits in Redis."""

import time

import redis
from flask import Flask

app = Flask(__name__)
counter = redis.Redis(host="redis", port=6379)


def count_visit():
    """Counts one more visit; Redis may still be starting, so a failure is tried again."""
    retries = 5
    while True:
        try:
            return counter.incr("hits")
        except redis.exceptions.ConnectionError:
            if retries == 0:
                raise
            retries -= 1
            time.sleep(0.5)


@app.route("/")
def hello():
    return "Hello World! I have been seen {} times.\n".format(count_visit())


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000)
