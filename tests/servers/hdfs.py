#!/usr/bin/env python3
"""An HDFS of our own: a NameNode and DataNodes of Hadoop on free loopback ports, with their data in a folder, stopped by their pids.

As a program it runs a command beside one, with the variables COVE_TEST_HDFS and COVE_TEST_WEBHDFS, the URLs of its root:

    tests/servers/hdfs.py [--datanodes N] -- COMMAND ...
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import env

NAMENODE = "org.apache.hadoop.hdfs.server.namenode.NameNode"
DATANODE = "org.apache.hadoop.hdfs.server.datanode.DataNode"
USER = "cove"


def site(properties):
    return "<configuration>\n" + "".join(f"<property><name>{n}</name><value>{v}</value></property>\n" for n, v in properties.items()) + "</configuration>\n"


class HDFS:
    """with HDFS() as server: server.url, server.environ. `settings`: more of hdfs-site.xml."""

    def __init__(self, datanodes=1, settings=None):
        self.folder = env.scratch("hdfs")
        self.settings = settings or {}
        self.port, self.rpc = env.free_port(), env.free_port()
        self.datanodes = [[env.free_port() for _ in range(3)] for _ in range(datanodes)]
        self.processes = {}  # the NameNode's, as "nn", and the DataNodes' by their numbers

    @property
    def url(self):
        return f"webhdfs://127.0.0.1:{self.port}"

    @property
    def rpc_url(self):
        return f"hdfs://127.0.0.1:{self.rpc}"

    @property
    def environ(self):
        return {"HADOOP_USER_NAME": USER, "COVE_TEST_WEBHDFS": self.url, "COVE_TEST_HDFS": self.rpc_url}

    def nameservice(self, folder, name="lightning"):
        """Writes a client's site files, in which hdfs://NAME is this cluster, and the default; the environment for them."""
        nodes = {"dfs.nameservices": name, f"dfs.ha.namenodes.{name}": "nn1", f"dfs.namenode.rpc-address.{name}.nn1": f"127.0.0.1:{self.rpc}"}
        (folder / "core-site.xml").write_text(site({"fs.defaultFS": f"hdfs://{name}"}))
        (folder / "hdfs-site.xml").write_text(site(nodes))
        return {"HADOOP_CONF_DIR": str(folder)}

    def _core_site(self):
        return {"fs.defaultFS": self.rpc_url, "hadoop.tmp.dir": self.folder / "data/tmp"}

    def _hdfs_site(self):
        return {
            "dfs.namenode.rpc-address": f"127.0.0.1:{self.rpc}",
            "dfs.namenode.http-address": f"127.0.0.1:{self.port}",
            "dfs.namenode.name.dir": (self.folder / "data/nn").as_uri(),
            "dfs.replication": min(3, len(self.datanodes)),
            "dfs.namenode.datanode.registration.ip-hostname-check": "false",
            "dfs.namenode.safemode.extension": 0,
            "dfs.permissions.superusergroup": USER,
            **self.settings,
        }

    def _configure(self):
        conf = self.folder / "conf"
        for name in ("hdfs", "datanode", "static"):  # the jars lack these folders of web pages
            (conf / "webapps" / name).mkdir(parents=True)
        (conf / "core-site.xml").write_text(site(self._core_site()))
        (conf / "hdfs-site.xml").write_text(site(self._hdfs_site()))
        (conf / "log4j.properties").write_text(
            "log4j.rootLogger=WARN,A\nlog4j.appender.A=org.apache.log4j.ConsoleAppender\nlog4j.appender.A.layout=org.apache.log4j.SimpleLayout\n"
        )

    def _java(self, *args):
        # WebHDFS reads a field of java.lang by reflection, which Java 17 forbids by default.
        options = ["--add-opens", "java.base/java.lang=ALL-UNNAMED", "-Xmx128m", "-Xss512k", "-XX:+UseSerialGC", f"-Dhadoop.log.dir={self.folder}"]
        return ["java", *options, "-cp", f"{self.folder}/conf:{env.hadoop()}/*", *map(str, args)]

    def _environ(self):
        return {**env.clean(os.environ, home=self.folder), "HADOOP_USER_NAME": USER}

    def _start(self, name, *args):
        self.processes[name] = subprocess.Popen(self._java(*args), stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=self._environ())

    def kill(self, name):
        self.processes[name].kill()
        self.processes[name].wait()

    def start_datanode(self, i):
        data, ipc, http = self.datanodes[i]
        addresses = {"address": data, "ipc.address": ipc, "http.address": http}
        self._start(
            i,
            DATANODE,
            f"-Ddfs.datanode.data.dir={(self.folder / f'data/dn{i}').as_uri()}",
            *(f"-Ddfs.datanode.{name}=127.0.0.1:{port}" for name, port in addresses.items()),
        )

    def run(self, *args):
        """A program of Hadoop that ends."""
        subprocess.run(self._java(*args), stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=self._environ(), check=True)

    def _start_namenodes(self):
        self.run(NAMENODE, "-format", "-force", "-nonInteractive")
        self._start("nn", NAMENODE)

    def start(self):
        self._configure()
        self.log = open(self.folder / "server.log", "ab")
        self._start_namenodes()
        for i in range(len(self.datanodes)):
            self.start_datanode(i)
        self.wait_until(self._ready)
        return self

    def wait_until(self, ready, timeout_s=180):
        """All servers run meanwhile."""
        give_up = time.monotonic() + timeout_s
        while not ready():
            if any(process.poll() is not None for process in self.processes.values()) or time.monotonic() > give_up:
                self.stop()
                raise RuntimeError("HDFS did not start:\n" + Path(self.log.name).read_text(errors="replace")[-2000:])
            time.sleep(0.1)

    def blocks(self, i, state="finalized"):
        """The files of DataNode `i` that have a block's bytes: finished ones, or ("rbw") those that are being written."""
        return sorted(p for p in (self.folder / f"data/dn{i}").glob(f"current/BP-*/current/{state}/**/blk_*") if p.suffix != ".meta")

    def state(self, port):
        """What the NameNode whose web port this is knows of its filesystem; None: it does not answer."""
        url = f"http://127.0.0.1:{port}/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState"
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as response:
                return json.load(response)["beans"][0]
        except (urllib.error.URLError, OSError, ValueError, IndexError):
            return None

    def _ready(self):
        state = self.state(self.port)
        return state and state["FSState"] == "Operational" and state["NumLiveDataNodes"] == len(self.datanodes)

    def stop(self):
        for name in list(self.processes):
            self.kill(name)  # its data are not needed any more
        self.processes = {}
        self.log.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datanodes", type=int, default=1)
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    with HDFS(args.datanodes) as server:
        return subprocess.call(args.command, env={**os.environ, **server.environ})


if __name__ == "__main__":
    sys.exit(main())
