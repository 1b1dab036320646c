"""What pyproject.toml cannot say: a wheel knows the commit that it was built from."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithCommit(build_py):
    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            source = Path("experiments/runtime/commit.py")
            scope = {"__file__": str(source.resolve())}
            exec(compile(source.read_text(), str(source), "exec"), scope)
            target = Path(self.build_lib, "experiments", "runtime", "COMMIT")
            target.write_text(scope["commit_of"](Path.cwd()) + "\n", encoding="utf-8")


setup(cmdclass={"build_py": BuildWithCommit})
