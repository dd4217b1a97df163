"""Names and versions that the plugin agrees on with Scipion."""

from __future__ import annotations

CL2D_VERSION = "0.1.0"
PYTHON_VERSION = "3.11"
ENVIRONMENT = f"cl2d-{CL2D_VERSION}"
ACTIVATION_VARIABLE = "CL2D_ENV_ACTIVATION"
DEFAULT_ACTIVATION = f"conda activate {ENVIRONMENT}"
