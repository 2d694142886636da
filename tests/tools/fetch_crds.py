"""Fetches the CustomResourceDefinitions with which the tests of the chart check its resources into the folder that is named.

    fetch_crds.py FOLDER

Each project publishes them within its Go module. The first module proxy in $GOPROXY that is an address is asked, else
proxy.golang.org. Each file has to have the hash that stands here.
"""

import hashlib
import io
import os
import pathlib
import sys
import urllib.error
import urllib.request
import zipfile

# Module, version, file within it, SHA-256 of the file.
FILES = [
    (
        "istio.io/api",
        "v1.32.0",
        "kubernetes/customresourcedefinitions.gen.yaml",
        "c65d3908ee5eefea7cb5f3baad2622455fd7b483e920ee428500b44da73f2601",
    ),
    (
        "sigs.k8s.io/gateway-api",
        "v1.6.3",
        "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
        "a89d17ff5ed060fa0eac015524f9252bb291f616412c13ac8cb952ed9c25c5ad",
    ),
    (
        "sigs.k8s.io/gateway-api",
        "v1.6.3",
        "config/crd/standard/gateway.networking.k8s.io_referencegrants.yaml",
        "ff8db85aaacc91fb4096975afb5782540572bf2f04842a258094cd7f50c7f38a",
    ),
    (
        "github.com/envoyproxy/gateway",
        "v1.9.1",
        "charts/gateway-helm/charts/crds/crds/generated/gateway.envoyproxy.io_securitypolicies.yaml",
        "0eddd4bb2ac007b709433fec37669e79fd57b153fbfe7b42446d45ea384c0a74",
    ),
    (
        "github.com/prometheus-operator/prometheus-operator",
        "v0.85.0",
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
        "1dae27b7189b5ce7b9ab764656c18b4c75a45cde1e6f3af6a5e84c4317628919",
    ),
]


def proxies():
    named = os.environ.get("GOPROXY", "").replace("|", ",").split(",")
    addresses = [name.strip().rstrip("/") for name in named if "://" in name]
    return addresses or ["https://proxy.golang.org"]


def module(name, version):
    faults = []
    for proxy in proxies():
        address = f"{proxy}/{name}/@v/{version}.zip"
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:
                return zipfile.ZipFile(io.BytesIO(answer.read()))
        except (OSError, urllib.error.URLError, zipfile.BadZipFile) as fault:
            faults.append(f"{name}@{version}: {fault}")
    sys.exit("; ".join(faults))


folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
modules = {}
for name, version, path, expected in FILES:
    key = (name, version)
    if key not in modules:
        modules[key] = module(name, version)
    content = modules[key].read(f"{name}@{version}/{path}")
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        sys.exit(f"{name}@{version}: {path} has the SHA-256 {found}, not {expected}")
    (folder / path.rsplit("/", 1)[1]).write_bytes(content)
