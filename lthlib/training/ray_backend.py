"""joblib's Ray backend as the engine needs it. Imported only where Ray is installed."""

from ray.util.joblib.ray_backend import RayBackend  # pyright: ignore[reportMissingImports]

from lthlib.training import cluster


class OneByOne(RayBackend):
    """Results come one by one: they come by callbacks, as those of the backends that say so."""

    supports_return_generator = True

    def configure(self, *arguments, context=None, **more):
        """Start the workers, without `context`: joblib gives it to all backends, and Ray warns of it."""
        return super().configure(*arguments, **more)

    def terminate(self):
        """Kill the workers. Asked to end, each would look like one that is lost, and Ray would start it again."""
        pool, self._pool = self._pool, None
        for actor, _ in getattr(pool, "_actor_pool", ()):
            cluster.installed().kill(actor)
        super().terminate()
