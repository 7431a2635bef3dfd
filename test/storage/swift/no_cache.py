"""A cache that remembers nothing. Swift's login refuses to work without one, and a memcached is one daemon more."""


class NoCache:
    def get(self, key, **_):
        return None

    def get_multi(self, keys, *_, **__):
        return [None] * len(keys)

    def __getattr__(self, name):
        return lambda *_, **__: None


def factory(_global_conf, **_local_conf):
    def wrap(app):
        def handle(env, start_response):
            env["swift.cache"] = NoCache()
            return app(env, start_response)

        return handle

    return wrap
