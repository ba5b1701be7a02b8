"""The Dockerfile, the manifests, the bundle and the Terraform example, by what registries of packages have to read them with.

hadolint, the databricks CLI and Terraform's provider are in none of these registries, so that nothing here runs them.
"""
import json
import os
import pathlib
import subprocess

import hcl2
import kubernetes_validate
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]


def documents(path):
    return [d for d in yaml.safe_load_all((ROOT / path).read_text(encoding="utf-8")) if d]


def test_manifests_are_valid_and_name_each_other():
    found = {d["kind"]: d for d in documents("deploy/kubernetes/sfcdc.yaml")}
    for document in found.values():
        kubernetes_validate.validate(document, "1.28", strict=True)
    pod = found["Deployment"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert found["Deployment"]["spec"]["replicas"] == 1 and found["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}
    claims = [v["persistentVolumeClaim"]["claimName"] for v in pod["volumes"] if "persistentVolumeClaim" in v]
    assert claims == [found["PersistentVolumeClaim"]["metadata"]["name"]]
    assert {m["name"] for m in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
    assert found["Service"]["spec"]["selector"].items() <= found["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    assert found["Service"]["spec"]["ports"][0]["port"] == container["ports"][0]["containerPort"] == 9464
    kustomization = documents("deploy/kubernetes/kustomization.yaml")[0]
    assert all((ROOT / "deploy/kubernetes" / f).is_file() for f in kustomization["resources"] + kustomization["configMapGenerator"][0]["files"])


def test_the_dockerfile():
    script = """const {validate} = require("dockerfile-utils");
        const text = require("fs").readFileSync(process.argv[1], "utf8");
        console.log(JSON.stringify(validate(text).map(d => [d.range.start.line + 1, d.message])));"""
    said = subprocess.run(["node", "-e", script, str(ROOT / "Dockerfile")], check=True, stdout=subprocess.PIPE, env=os.environ).stdout
    assert json.loads(said) == []
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("USER")] == ["USER 10001:10001"]


def test_the_bundle_names_files_that_exist():
    bundle = documents("deploy/databricks/databricks.yml")[0]
    assert bundle["include"] == ["resources/*.yml"]
    folder = ROOT / "deploy/databricks/resources"
    app = documents("deploy/databricks/resources/app.yml")[0]["resources"]["apps"]["sfcdc"]
    assert (folder / app["source_code_path"] / "app.yaml").is_file()
    started = documents("deploy/databricks/src/app.yaml")[0]
    assert {e["valueFrom"] for e in started["env"]} == {r["name"] for r in app["resources"]}
    pipeline = documents("deploy/databricks/resources/current.yml")[0]["resources"]["pipelines"]["sfcdc_current"]
    assert all((folder / library["file"]["path"]).is_file() for library in pipeline["libraries"])


def test_the_terraform_example_is_read():
    with open(ROOT / "deploy/terraform/main.tf", encoding="utf-8") as file:
        read = hcl2.load(file)
    assert len(read["resource"]) == 5 and len(read["variable"]) == 3
