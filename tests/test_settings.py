from dataclasses import fields

import pytest

from taxi_api.settings import Settings, SettingsError, variable


def test_defaults_need_no_environment():
    assert Settings.from_environment({}) == Settings()


def test_empty_means_not_set():
    assert Settings.from_environment({variable(item): " " for item in fields(Settings)}) == Settings()


def test_values_are_read():
    settings = Settings.from_environment(
        {
            "LOG_LEVEL": "debug",
            "MODEL_URI": "/models/taxi",
            "PORT": "9000",
            "WEB_CONCURRENCY": "4",
            "TAXI_PROXY_HOPS": "1",
            "TAXI_MAX_BATCH": "500",
            "TAXI_MAX_MATRIX": "400",
            "TAXI_CACHE_SECONDS": "60",
            "UNRELATED": "x",
        }
    )
    assert settings == Settings("DEBUG", "/models/taxi", 9000, 4, 1, 500, 400, 60)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOG_LEVEL", "loud"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "8000.0"),
        ("PORT", "\u0663"),
        ("WEB_CONCURRENCY", "many"),
        ("TAXI_PROXY_HOPS", "11"),
    ],
)
def test_a_bad_value_names_its_variable_in_one_line(name: str, value: str):
    with pytest.raises(SettingsError, match=f"^{name}=") as refused:
        Settings.from_environment({name: value})
    assert "\n" not in str(refused.value)


def test_settings_cannot_change():
    with pytest.raises(AttributeError):
        Settings().port = 1  # type: ignore[misc]
