from dataclasses import fields

import pytest

from taxi_api.setting_values import ApiKey
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
            "MLFLOW_TRACKING_URI": "http://mlflow:5000",
            "MODEL_POLL_SECONDS": "5",
            "TAXI_MODEL_CACHE": "/cache",
            "PORT": "9000",
            "WEB_CONCURRENCY": "4",
            "TAXI_PROXY_HOPS": "1",
            "TAXI_MAX_BATCH": "500",
            "TAXI_MAX_MATRIX": "400",
            "TAXI_CACHE_SECONDS": "60",
            "APP_ENV": "Prod",
            "TAXI_API_KEYS": f"app:{'0A' * 32},{'f' * 64}",
            "TAXI_DOCS": "off",
            "TAXI_RATE_LIMIT": "100/minute",
            "TAXI_RATE_LIMIT_STORAGE": "rediss://:password@cache:6380/1",
            "TAXI_CORS_ORIGINS": "https://App.example.com/, http://localhost:3000",
            "TAXI_MAX_BODY_BYTES": "2048",
            "PROMETHEUS_MULTIPROC_DIR": "/metrics",
            "AWS_LAMBDA_FUNCTION_NAME": "taxi",
            "UNRELATED": "x",
        }
    )
    assert settings == Settings(
        log_level="DEBUG",
        model_uri="/models/taxi",
        mlflow_tracking_uri="http://mlflow:5000",
        model_poll_seconds=5,
        model_cache="/cache",
        port=9000,
        web_concurrency=4,
        proxy_hops=1,
        max_batch=500,
        max_matrix=400,
        cache_seconds=60,
        app_env="production",
        api_keys=(ApiKey("app", "0a" * 32), ApiKey("f" * 8, "f" * 64)),
        docs=False,
        rate_limit="100/minute",
        rate_limit_storage="rediss://:password@cache:6380/1",
        cors_origins=("https://app.example.com", "http://localhost:3000"),
        max_body_bytes=2048,
        prometheus_multiproc_dir="/metrics",
        lambda_function="taxi",
    )


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
        ("APP_ENV", "staging"),
        ("TAXI_DOCS", "true"),
        ("TAXI_RATE_LIMIT", "100"),
        ("TAXI_RATE_LIMIT", "0/minute"),
        ("TAXI_RATE_LIMIT", "100 per minute"),
        ("TAXI_CORS_ORIGINS", "app.example.com"),
        ("TAXI_CORS_ORIGINS", "https://*.example.com"),
        ("TAXI_CORS_ORIGINS", "*, https://app.example.com"),
        ("TAXI_CORS_ORIGINS", "https://app.example.com/path"),
        ("TAXI_MAX_BODY_BYTES", "64k"),
    ],
)
def test_a_bad_value_names_its_variable_in_one_line(name: str, value: str):
    with pytest.raises(SettingsError, match=f"^{name}=") as refused:
        Settings.from_environment({name: value})
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TAXI_API_KEYS", "taxi_secret"),
        ("TAXI_API_KEYS", f"app:{'0' * 64},secret"),
        ("TAXI_API_KEYS", f"two words:{'0' * 64}"),
        ("TAXI_RATE_LIMIT_STORAGE", "http://:secret@cache"),
        ("TAXI_RATE_LIMIT_STORAGE", "redis://"),
    ],
)
def test_a_bad_secret_is_not_repeated(name: str, value: str):
    with pytest.raises(SettingsError, match=f"^{name} is not usable: ") as refused:
        Settings.from_environment({name: value})
    assert "secret" not in str(refused.value)


def test_settings_cannot_change():
    with pytest.raises(AttributeError):
        Settings().port = 1  # type: ignore[misc]
