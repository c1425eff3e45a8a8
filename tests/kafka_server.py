"""A real Apache Kafka (KRaft, one node) on loopback: one for a whole test session, or one of a test's own.

The jars come from Maven Central (tests/kafka/pom.xml, `scripts/setup.sh tests`). The session's broker is run
by a keeper, as its PostgreSQL is (tests/keeper.py): it is shared by the workers and ends with the session.
"""

import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from base64 import urlsafe_b64encode
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.keeper import ServerMissingError, shared, wait_for_end
from tests.postgres_server import _in_memory
from tests.rider_hub.faults.ports import free_port

__all__ = ["Broker", "make_topic", "shared_broker"]

ROOT = Path(__file__).resolve().parent.parent
_HOME = ROOT / ".cache" / "kafka"
_FORMATTED, _CLASSES = "formatted", "classes.jsa"
_START_S = 120
_STOP_S = 60

MISSING = """The tests need a real Apache Kafka and found no jars of it in .cache/kafka. make test fetches
them from Maven Central; by hand: scripts/system_packages.sh tests && scripts/setup.sh tests"""

#: One node, small, and quick to start, to come back, and to notice who is gone; topics are made on purpose.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.quorum.voters=1@127.0.0.1:{controller}
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
broker.heartbeat.interval.ms=200
broker.session.timeout.ms=2000
num.network.threads=2
num.io.threads=2
background.threads=2
log.cleaner.dedupe.buffer.size=4194304
"""
#: One compiler and one collector, for a short life on few processors; little is logged.
_JAVA = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
)


class Broker:
    """One broker in a folder of its own, on ports that stay the same; it may be killed and started again."""

    def __init__(self, *, heap_mb: int = 384) -> None:
        self._home = _HOME.resolve()  # where the classes were dumped: another path would not share them
        if not (self._home / _FORMATTED).is_dir():
            raise ServerMissingError(MISSING)
        self.folder = Path(tempfile.mkdtemp(prefix="rider-hub-kafka-", dir=_in_memory()))
        self.cluster_id = urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()
        self.port, self._controller = free_port(), free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self._heap_mb = heap_mb
        self._log = self.folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._prepare()

    def start(self, *options: str) -> None:
        """Start the broker, with options for Java, and wait until clients may use it."""
        seen = self._log.stat().st_size if self._log.exists() else 0
        shared = options or (f"-XX:SharedArchiveFile={self._home / _CLASSES}",)
        command = ["java", f"-Xmx{self._heap_mb}m", *_JAVA, *shared, "-cp", _classpath(self._home)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "kafka.Kafka", str(self.folder / "server.properties")],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_S
        while b"Kafka Server started" not in self._log.read_bytes()[seen:]:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ServerMissingError(f"Kafka did not start:\n{self.log}")
            time.sleep(0.05)

    def kill(self, kind: signal.Signals = signal.SIGKILL) -> None:
        """Send the broker a signal (kill -9) and wait for its end; what it wrote stays."""
        if self._process is not None:
            self._process.send_signal(kind)
            self._process.wait(_STOP_S)
            self._process = None

    def remove(self) -> None:
        """End the broker and leave nothing behind."""
        self.kill()
        shutil.rmtree(self.folder)

    @property
    def log(self) -> str:
        """What the broker has written."""
        return self._log.read_text("utf-8") if self._log.exists() else ""

    def _prepare(self) -> None:
        """Lay a formatted data folder with a cluster id of its own, and the settings."""
        data = self.folder / "data"
        shutil.copytree(self._home / "formatted", data)
        about = data / "meta.properties"
        lines = [line for line in about.read_text("ascii").splitlines() if not line.startswith("cluster.id=")]
        about.write_text("\n".join([*lines, f"cluster.id={self.cluster_id}", ""]), "ascii")
        text = _PROPERTIES.format(port=self.port, controller=self._controller, data=data)
        (self.folder / "server.properties").write_text(text, "utf-8")


def shared_broker(folder: Path, owner: int) -> str:
    """Return the address of the broker that belongs to the session `owner`; the first caller starts it."""
    return shared("tests.kafka_server", folder, owner)


async def make_topic(bootstrap: str, partitions: int = 1, *, name: str = "") -> str:
    """Make a topic, by default under a name nobody else has, and return the name."""
    name = name or f"rfs.test-{secrets.token_hex(6)}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1)])
    finally:
        await admin.close()
    return name


def _classpath(home: Path) -> str:
    # Each by its name and in one order: classes are shared between starts of the very same path alone.
    return ":".join(str(jar) for jar in sorted(home.glob("*.jar")))


def keep(owner: int) -> None:
    """Run a broker until the session's process ends, then leave nothing behind."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    broker = Broker()
    try:
        broker.start()
        sys.stdout.write(f"{broker.bootstrap}\n")
        sys.stdout.flush()
        wait_for_end(owner)
    finally:
        broker.remove()


def prepare() -> None:
    """Make what every broker begins with: a formatted data folder, and the classes as a JVM maps them."""
    home = _HOME.resolve()
    with tempfile.TemporaryDirectory() as folder:
        settings, data = Path(folder) / "server.properties", Path(folder) / "data"
        settings.write_text(_PROPERTIES.format(port=9092, controller=9093, data=data), "utf-8")
        tool = ["java", *_JAVA, "-cp", _classpath(home), "kafka.tools.StorageTool"]
        format_it = [*tool, "format", "--cluster-id", "AAAAAAAAAAAAAAAAAAAAAQ", "--config", str(settings)]
        subprocess.run(format_it, stdout=subprocess.DEVNULL, check=True)
        shutil.copytree(data, home / _FORMATTED)
    broker = Broker()
    try:
        broker.start(f"-XX:ArchiveClassesAtExit={home / _CLASSES}")
        broker.kill(signal.SIGTERM)
    finally:
        broker.remove()


if __name__ == "__main__":
    try:
        prepare() if sys.argv[1] == "prepare" else keep(int(sys.argv[1]))
    except ServerMissingError as error:
        sys.exit(str(error))
