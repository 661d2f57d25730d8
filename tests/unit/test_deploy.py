"""What deploy/ says: its commands and settings are queueapp's own, its files are there."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import yaml

from queueapp import config
from queueapp.cli import group

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = DEPLOY / "systemd"
INSTALLED = "/opt/queueapp"
PLACEHOLDER = "letters-and-digits-0123456789"


def parsed(arguments: list[str]) -> None:
    """Fails unless queueapp has such a command, with such options; runs nothing."""
    command: click.Command = group
    name = "queueapp"
    while isinstance(command, click.Group):
        with click.Context(command) as context:
            name, found, arguments = command.resolve_command(context, arguments)
        assert found is not None
        command = found
    command.make_context(name, arguments)


def compose() -> dict[str, Any]:
    text = (DEPLOY / "compose.yaml").read_text()
    example = settings_of((DEPLOY / "queueapp.env.example").read_text())
    asked = set(re.findall(r"\$\{(\w+):\?", text))
    assert asked <= set(example)
    for name in asked:
        text = re.sub(rf"\$\{{{name}:\?[^}}]*\}}", example[name] or PLACEHOLDER, text)
    assert "${" not in text
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def settings_of(text: str) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in text.splitlines() if re.match(r"\w+=", line))
    return {name: value.strip() for name, value in pairs}


def ours(services: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, service in services.items():
        if service["image"] == "queueapp":
            yield name, service


def test_compose_runs_commands_there_are_with_settings_that_are_good(tmp_path: Path) -> None:
    services = compose()["services"]
    apps = [name for name, one in ours(services) if one["command"][0] == "serve"]
    assert len(apps) == 2
    for _, service in ours(services):
        command = service["command"]
        if "entrypoint" in service:
            command = shlex.split(command[0])[3:]
        parsed(command)
        loaded = config.load({**service["environment"], "QUEUEAPP_VAR": str(tmp_path)})
        assert loaded.redis_url
        assert loaded.proxies == 1
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert set(service["depends_on"]) <= set(services)
    nginx = services["nginx"]
    words = set(re.findall(r"\$\{(\w+)\}", (DEPLOY / "nginx.conf").read_text()))
    assert words <= set(nginx["environment"])
    upstreams = {nginx["environment"][name] for name in words if name.startswith("APP")}
    assert upstreams == {f"{name}:8000" for name in apps}
    for service in services.values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert not source.endswith(".conf") or (DEPLOY / source).is_file()


def test_the_image_copies_what_is_there_builds_as_make_does_and_is_not_root() -> None:
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and line[0] != "#"]
    let_in = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    for word, rest in lines:
        if word == "COPY" and "--from" not in rest:
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source}" in let_in
    targets = re.findall(r"make (\w+)", (DEPLOY / "Dockerfile").read_text())
    assert targets == ["install"]
    assert re.search(r"^install:", (ROOT / "Makefile").read_text(), re.M)
    # What `make install` needs is there before it runs.
    needed = re.search(r"^static/vendor/\.built: ([^|\n]+)", (ROOT / "Makefile").read_text(), re.M)
    assert needed
    copied = " ".join(rest for word, rest in lines if word == "COPY" and "--from" not in rest)
    for name in needed[1].split():
        assert name.partition("/")[0] in copied.split(), name
    words = dict(reversed(lines))
    assert words["USER"] != "root"
    assert words["USER"].split(":")[0] != "0"
    parsed(yaml.safe_load(words["CMD"]))


def commands_of(unit: Path) -> Iterator[list[str]]:
    for line in unit.read_text().splitlines():
        if line.startswith("ExecStart="):
            words = shlex.split(line.removeprefix("ExecStart=").replace("%i", "8001"))
            if words[:2] == ["/bin/sh", "-c"]:
                words = shlex.split(words[2].removeprefix("exec "))
            assert words[:3] == [f"{INSTALLED}/.venv/bin/python", "-m", "queueapp"]
            yield words[3:]


def test_the_units_start_commands_there_are_under_a_user_of_their_own() -> None:
    seen = []
    for unit in sorted(UNITS.glob("*.service")):
        for arguments in commands_of(unit):
            parsed(arguments)
            seen.append(arguments[0])
        # So that all of them are hardened by the one file.
        assert unit.name.startswith("queueapp-")
        assert "User=" not in unit.read_text()
    assert sorted(seen) == ["backup", "purge", "serve", "work"]
    common = (UNITS / "queueapp-.service.d" / "common.conf").read_text()
    assert "User=queueapp" in common
    for timer in UNITS.glob("*.timer"):
        assert timer.with_suffix(".service").is_file()


def test_the_example_of_settings_is_one_queueapp_can_use(tmp_path: Path) -> None:
    example = settings_of((DEPLOY / "queueapp.env.example").read_text())
    known = set(re.findall(r'env\.get\("(\w+)"', Path(config.__file__).read_text()))
    compose_alone = {"POSTGRES_PASSWORD", "SERVER_NAME"}
    assert set(example) - compose_alone <= known
    config.load({**example, "QUEUEAPP_VAR": str(tmp_path)})


def test_systemd_takes_the_units_where_there_is_one(tmp_path: Path) -> None:
    for file in UNITS.rglob("*.*"):
        if file.is_file():
            copy = tmp_path / file.relative_to(UNITS)
            copy.parent.mkdir(exist_ok=True)
            copy.write_text(file.read_text().replace(INSTALLED, str(ROOT)))
    names = [one.name.replace("@", "@8001") for one in UNITS.iterdir() if one.is_file()]
    assert len(names) == len(set(names)) >= 6
    if program := shutil.which("systemd-analyze"):
        checked = subprocess.run(
            [program, "verify", "--man=no", *(f"./{name}" for name in sorted(names))],
            cwd=tmp_path, capture_output=True, text=True,
        )  # fmt: skip
        assert (checked.returncode, checked.stderr) == (0, "")
