"""An HDFS with two NameNodes, nn1 and nn2, of the nameservice "lab": they share a folder of edits, and one of them is active."""

import tempfile
from pathlib import Path

import env
from servers.hdfs import HDFS, NAMENODE, site

ADMIN = "org.apache.hadoop.hdfs.tools.DFSHAAdmin"
NAMES = ("nn1", "nn2")


class HA(HDFS):
    """with HA() as server: server.active is the NameNode that clients are to find. It begins with nn1."""

    def __init__(self, datanodes=1, settings=None):
        super().__init__(datanodes, settings)
        self.namenodes = {name: (env.free_port(), env.free_port()) for name in NAMES}  # RPC, web
        self.active = "nn1"

    rpc_url = "hdfs://lab"

    @property
    def url(self):
        return f"webhdfs://127.0.0.1:{self.namenodes[self.active][1]}"

    def _addresses(self, rpc):
        """`rpc`: the port of each NameNode's RPC."""
        provider = "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider"
        return {
            "dfs.nameservices": "lab",
            "dfs.ha.namenodes.lab": ",".join(NAMES),
            "dfs.client.failover.proxy.provider.lab": provider,
            **{f"dfs.namenode.rpc-address.lab.{name}": f"127.0.0.1:{rpc[name]}" for name in NAMES},
            **{f"dfs.namenode.http-address.lab.{name}": f"127.0.0.1:{web}" for name, (_, web) in self.namenodes.items()},
        }

    def _hdfs_site(self):
        common = super()._hdfs_site()
        for name in ("rpc-address", "http-address", "name.dir"):
            del common[f"dfs.namenode.{name}"]
        return {
            **common,
            **self._addresses({name: rpc for name, (rpc, _) in self.namenodes.items()}),
            **{f"dfs.namenode.name.dir.lab.{name}": (self.folder / f"data/{name}").as_uri() for name in NAMES},
            "dfs.namenode.shared.edits.dir": (self.folder / "data/shared").as_uri(),
            "dfs.ha.fencing.methods": "shell(/bin/true)",
            "dfs.ha.tail-edits.period": "1s",
        }

    def client_conf(self, rpc=None, order=NAMES, **settings):
        """A folder of site files for a client; `rpc`: other ports, of proxies."""
        folder = Path(tempfile.mkdtemp(prefix="client-", dir=self.folder))
        addresses = self._addresses(rpc or {name: port for name, (port, _) in self.namenodes.items()})
        addresses["dfs.ha.namenodes.lab"] = ",".join(order)
        (folder / "core-site.xml").write_text(site({"fs.defaultFS": self.rpc_url}))
        (folder / "hdfs-site.xml").write_text(site({**addresses, **settings}))
        return folder

    def start_namenode(self, name):
        self._start(name, NAMENODE, f"-Ddfs.ha.namenode.id={name}")
        self.wait_until(lambda: self.state(self.namenodes[name][1]))

    def _start_namenodes(self):
        self.run(NAMENODE, "-Ddfs.ha.namenode.id=nn1", "-format", "-force", "-nonInteractive")
        self.start_namenode("nn1")
        self.run(NAMENODE, "-Ddfs.ha.namenode.id=nn2", "-bootstrapStandby", "-force", "-nonInteractive")
        self.start_namenode("nn2")
        self.admin("-transitionToActive", "nn1")

    def _ready(self):
        states = [self.state(web) for _, web in self.namenodes.values()]
        return all(s and s["FSState"] == "Operational" and s["NumLiveDataNodes"] == len(self.datanodes) for s in states)

    def admin(self, *args):
        self.run(ADMIN, *args)

    @property
    def other(self):
        return NAMES[1 - NAMES.index(self.active)]

    def failover(self):
        """The other NameNode becomes active, the active one a standby."""
        self.admin("-failover", self.active, self.other)
        self.active = self.other

    def kill_active(self):
        """The active one dies, and the other becomes active."""
        self.kill(self.active)
        self.admin("-transitionToActive", "--forceactive", self.other)
        self.active = self.other

    def revive(self):
        """What was killed comes back, as a standby."""
        if self.processes[self.other].poll() is not None:
            self.start_namenode(self.other)
        self.wait_until(self._ready)
