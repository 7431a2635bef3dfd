"""Runs OpenStack Swift with its S3 API on loopback, in one folder, without a service manager.

    python3 launch.py FOLDER ORIGIN PROXY_PORT ACCOUNT_PORT CONTAINER_PORT OBJECT_PORT

The secret of the one user, test:tester, comes in the environment as SWIFT_SECRET. It runs until SIGTERM; its four
servers end with it, however it ends.
"""

import os

# Before anything else of eventlet: the resolver of its own costs seconds at start, and a late patch has to look
# through every object that lives by then.
os.environ["EVENTLET_NO_GREENDNS"] = "yes"
import eventlet  # noqa: E402

eventlet.patcher.monkey_patch(all=False, socket=True, select=True, thread=True)

import ctypes  # noqa: E402
import pwd  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402

PR_SET_PDEATHSIG = 1
SERVERS = ("proxy", "account", "container", "object")

SWIFT_CONF = """
[swift-hash]
swift_hash_path_prefix = contract
swift_hash_path_suffix = contract
[storage-policy:0]
name = one
default = yes
"""

DEFAULTS = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {conf}
log_level = ERROR
"""

STORAGE = """
devices = {data}
mount_check = false
disable_fallocate = true
[pipeline:main]
pipeline = {server}-server
[app:{server}-server]
use = egg:swift#{server}
"""

PROXY = """
[pipeline:main]
pipeline = catch_errors gatekeeper cache listing_formats bulk s3api tempauth copy slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
cors_allow_origin = {origin}
cors_expose_headers = etag
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:cache]
paste.filter_factory = no_cache:factory
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = auto
max_upload_part_num = 10000
s3_acl = false
cors_preflight_allow_origin = {origin}
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = {secret} .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
max_manifest_segments = 10000
max_manifest_size = 8388608
[filter:dlo]
use = egg:swift#dlo
"""


def write(path, text):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def configure(folder, origin, ports):
    conf = os.path.join(folder, "conf")
    data = os.path.join(folder, "data")
    os.makedirs(conf)
    os.makedirs(os.path.join(data, "d1"))
    write(os.path.join(conf, "swift.conf"), SWIFT_CONF)
    values = {
        "conf": conf,
        "data": data,
        "origin": origin,
        "secret": os.environ.pop("SWIFT_SECRET"),
        "user": pwd.getpwuid(os.getuid()).pw_name,
    }
    for server, port in ports.items():
        body = DEFAULTS.rstrip() + (PROXY if server == "proxy" else STORAGE)
        write(os.path.join(conf, f"{server}.conf"), body.format(server=server, port=port, **values))
    return conf


def make_rings(conf, ports):
    from swift.common.ring import RingBuilder

    for server in SERVERS[1:]:
        port = ports[server]
        ring = RingBuilder(4, 1, 1)
        ring.add_dev(
            {
                "id": 0,
                "region": 1,
                "zone": 1,
                "ip": "127.0.0.1",
                "port": port,
                "replication_ip": "127.0.0.1",
                "replication_port": port,
                "device": "d1",
                "weight": 1,
                "meta": "",
            }
        )
        ring.rebalance()
        ring.get_ring().save(os.path.join(conf, f"{server}.ring.gz"))


def end_with_parent(with_signal):
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, with_signal)


def serve(conf, server):
    """In a child: one server until it is ended, at the latest with its parent."""
    end_with_parent(signal.SIGKILL)
    from swift.common.wsgi import run_wsgi

    # verbose logs to stderr; otherwise errors go to a syslog that need not be there.
    os._exit(run_wsgi(os.path.join(conf, f"{server}.conf"), f"{server}-server", verbose=True))


def main():
    folder, origin, *numbers = sys.argv[1:]
    ports = dict(zip(SERVERS, (int(number) for number in numbers), strict=True))
    conf = configure(folder, origin, ports)

    from swift.common.utils import set_swift_dir

    set_swift_dir(conf)
    # Loaded once, before the servers are forked from this process.
    import swift.account.server  # noqa: F401
    import swift.common.middleware.s3api.s3api  # noqa: F401
    import swift.common.middleware.slo  # noqa: F401
    import swift.container.server  # noqa: F401
    import swift.obj.server  # noqa: F401
    import swift.proxy.server  # noqa: F401

    make_rings(conf, ports)
    children = {}
    for server in SERVERS:
        child = os.fork()
        if child == 0:
            serve(conf, server)
        children[child] = server

    def end(*_):
        # Each is ended by its own id: a server leads a session of its own.
        for child in children:
            os.kill(child, signal.SIGKILL)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    end_with_parent(signal.SIGTERM)
    ended, status = os.wait()
    server = children.pop(ended)
    for child in children:
        os.kill(child, signal.SIGKILL)
    sys.exit(f"The {server} server ended by itself with status {status}")


if __name__ == "__main__":
    main()
