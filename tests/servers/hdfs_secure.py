#!/usr/bin/env python3
"""A secured HDFS of our own: a KDC, a NameNode and a DataNode of Hadoop on free loopback ports, stopped by their pids.

As a program it runs a command beside one, with the variables that Hadoop's clients read:

    tests/servers/hdfs_secure.py [--rpc privacy] [--data privacy] [--encrypt] [--aes] -- COMMAND ...
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import env
from servers.hdfs import HDFS, site

REALM = "COVE.TEST"
USER = "alice"
TOOLS = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit")


def tool(name):
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if not found:
        raise RuntimeError(f"{name} is not installed: apt-get install krb5-kdc krb5-admin-server krb5-user")
    return found


class KDC:
    """A realm in a folder: kdc.conf beside krb5.conf, which clients are given."""

    def __init__(self, folder):
        self.folder, self.port = folder, env.free_port()
        self.process = None

    @property
    def environ(self):
        return {"KRB5_CONFIG": str(self.folder / "krb5.conf"), "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf")}

    def keytab(self, principal):
        return self.folder / (principal.replace("/", "_") + ".keytab")

    def _run(self, name, *args):
        subprocess.run([tool(name), *map(str, args)], env={**os.environ, **self.environ}, check=True, capture_output=True)

    def add(self, principal, *options):
        self._run("kadmin.local", "-q", f"addprinc -randkey {' '.join(options)} {principal}")
        self._run("kadmin.local", "-q", f"ktadd -k {self.keytab(principal)} {principal}")

    def ticket(self, principal, cache, *options):
        self._run("kinit", "-c", cache, "-kt", self.keytab(principal), *options, principal)

    def start(self):
        self.folder.mkdir()
        ciphers = "aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96"  # Java has these, too
        (self.folder / "krb5.conf").write_text(
            f"[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n"
            f" dns_canonicalize_hostname = false\n rdns = false\n udp_preference_limit = 1\n permitted_enctypes = {ciphers}\n"
            f"[realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{self.port}\n }}\n[domain_realm]\n localhost = {REALM}\n"
        )
        (self.folder / "kdc.conf").write_text(
            f"[realms]\n {REALM} = {{\n  database_name = {self.folder}/principal\n  key_stash_file = {self.folder}/stash\n"
            f"  acl_file = {self.folder}/acl\n  kdc_listen = 127.0.0.1:{self.port}\n  kdc_tcp_listen = 127.0.0.1:{self.port}\n"
            "  supported_enctypes = aes256-cts:normal aes128-cts:normal\n }\n"
        )
        self._run("kdb5_util", "create", "-s", "-r", REALM, "-P", "master")
        for principal in ("nn/localhost", "dn/localhost", "HTTP/localhost", USER):
            self.add(principal)
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([tool("krb5kdc"), "-n"], stdout=log, stderr=log, env={**os.environ, **self.environ})
        give_up = time.monotonic() + 30
        while True:
            try:
                return self.ticket(USER, self.folder / "ticket")
            except subprocess.CalledProcessError:
                if time.monotonic() > give_up or self.process.poll() is not None:
                    self.stop()
                    raise RuntimeError("the KDC did not start:\n" + (self.folder / "log").read_text(errors="replace")) from None
                time.sleep(0.1)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()


class SecureHDFS(HDFS):
    """with SecureHDFS("privacy", "integrity") as server: qualities of protection of the RPC, and of the data."""

    def __init__(self, rpc="authentication", data="authentication", encrypt=False, aes=False):
        super().__init__(1)
        self.rpc_protection, self.data_protection, self.encrypt, self.aes = rpc, data, encrypt, aes
        self.kdc = KDC(self.folder / "kdc")

    @property
    def rpc_url(self):
        return f"hdfs://localhost:{self.rpc}"

    @property
    def environ(self):
        ticket = {"KRB5CCNAME": f"FILE:{self.kdc.folder}/ticket"}
        return {**self.kdc.environ, **ticket, "HADOOP_CONF_DIR": str(self.folder / "conf"), "COVE_TEST_HDFS": self.rpc_url}

    def _configure(self):
        super()._configure()
        self.kdc.start()
        conf, kdc = self.folder / "conf", self.kdc
        (self.folder / "secret").write_text("cookies of web pages\n")
        web = {"principal": f"HTTP/_HOST@{REALM}", "keytab": kdc.keytab("HTTP/localhost")}
        core = {
            "fs.defaultFS": self.rpc_url,
            "hadoop.tmp.dir": self.folder / "data/tmp",
            "hadoop.security.authentication": "kerberos",
            "hadoop.security.authorization": "true",
            "hadoop.rpc.protection": self.rpc_protection,
            "hadoop.http.authentication.signature.secret.file": self.folder / "secret",
        }
        hdfs = {
            "dfs.namenode.rpc-address": f"localhost:{self.rpc}",
            "dfs.namenode.http-address": f"localhost:{self.port}",
            "dfs.namenode.name.dir": (self.folder / "data/nn").as_uri(),
            "dfs.replication": 1,
            "dfs.namenode.datanode.registration.ip-hostname-check": "false",
            "dfs.namenode.safemode.extension": 0,
            "dfs.permissions.superusergroup": USER,
            "dfs.permissions.enabled": "false",
            "dfs.block.access.token.enable": "true",
            "dfs.namenode.kerberos.principal": f"nn/_HOST@{REALM}",
            "dfs.namenode.keytab.file": kdc.keytab("nn/localhost"),
            "dfs.datanode.kerberos.principal": f"dn/_HOST@{REALM}",
            "dfs.datanode.keytab.file": kdc.keytab("dn/localhost"),
            "dfs.datanode.hostname": "localhost",
            "dfs.web.authentication.kerberos.principal": web["principal"],
            "dfs.web.authentication.kerberos.keytab": web["keytab"],
            "dfs.namenode.kerberos.internal.spnego.principal": web["principal"],
            "dfs.data.transfer.protection": self.data_protection,
            "dfs.encrypt.data.transfer": str(self.encrypt).lower(),
            "ignore.secure.ports.for.testing": "true",  # its web pages have no TLS
        }
        if self.aes:
            hdfs["dfs.encrypt.data.transfer.cipher.suites"] = "AES/CTR/NoPadding"
        (conf / "core-site.xml").write_text(site(core))
        (conf / "hdfs-site.xml").write_text(site(hdfs))

    def java(self, *args, **options):
        """A program of Hadoop, as the user."""
        return subprocess.run(self._java(*args), env={**self._environ(), **self.environ}, check=True, capture_output=True, text=True, **options)

    def _java(self, *args):
        name, *rest = super()._java(*args)
        return [name, f"-Djava.security.krb5.conf={self.kdc.folder}/krb5.conf", *rest]

    def stop(self):
        super().stop()
        self.kdc.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rpc", default="authentication")
    parser.add_argument("--data", default="authentication")
    parser.add_argument("--encrypt", action="store_true")
    parser.add_argument("--aes", action="store_true")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    with SecureHDFS(args.rpc, args.data, args.encrypt, args.aes) as server:
        return subprocess.call(args.command, env={**os.environ, **server.environ})


if __name__ == "__main__":
    sys.exit(main())
