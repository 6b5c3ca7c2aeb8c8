"""F3: a key that someone writes into a policy stands in no message, repr, pickle or traceback of it."""

from __future__ import annotations

import pickle
import traceback

import pytest

from tierkit import ConfigError, Policy
from tierkit.policy import BackendSettings

SECRET = "sk-proj-hunter2hunter2hunter2hunter2"  # noqa: S105 - the secret that must not be shown
HEAD = 'version = 1\n[backend.a]\nkind = "openai"\n'


@pytest.mark.parametrize(
    "line",
    [
        f'api_key = "{SECRET}"',
        f'key = "{SECRET}"',
        f'token = "{SECRET}"',
        f'api_key_env = "{SECRET}"',
        f'api_key_env = ["{SECRET}"]',
        f"api_key_env = {SECRET}",
        f'api_key_env = "{SECRET}',
        f'url = "https://me:{SECRET}@example.com/v1"',
        f'url = "https://example.com/v1?key={SECRET}"',
        f'url = "https://example.com/v1#{SECRET}"',
        f'api_key_env = "A"\napi_key_env = "{SECRET}"',
    ],
)
def test_a_key_in_the_file_is_refused_and_not_repeated(line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Policy.from_text(HEAD + line + "\n")
    error = caught.value
    shown = [str(error), repr(error), *map(repr, error.problems), *traceback.format_exception_only(error)]
    shown.append(pickle.dumps(error).decode("latin-1"))
    assert not any("hunter2" in text for text in shown), shown


@pytest.mark.parametrize(
    "key", [SECRET, "0123456789abcdef0123456789abcdef", "sk_live_abcdefghij0123456789abcdef", "a b", "", 5]
)
def test_a_key_in_code_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(ConfigError, match=r"^api_key_env: expected the name") as caught:
        BackendSettings("a", kind="openai", api_key_env=key)
    assert len(str(key)) < 4 or str(key) not in str(caught.value)


def test_the_value_of_the_variable_is_never_part_of_a_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    policy = Policy.from_text(HEAD + 'api_key_env = "OPENAI_API_KEY"\n')
    assert "OPENAI_API_KEY" in repr(policy)
    for text in (repr(policy), str(policy), pickle.dumps(policy).decode("latin-1")):
        assert "hunter2" not in text
