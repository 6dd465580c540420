"""Everything that is used of Dagster's private modules, in one place: the version that it was written for is pinned.

Planned hits are reported with the tags that Dagster itself writes when it runs a step, so that its staleness agrees
with the plan; the reasons of failures tell an interruption from an error.
"""

from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
    CachingStaleStatusResolver,
    StaleStatus,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)
from dagster._core.event_api import AssetRecordsFilter
from dagster._core.events import RunFailureReason
from dagster._core.execution.plan.objects import ErrorSource
from dagster._core.loader import LoadingContextForTest

__all__ = [
    "CODE_VERSION_TAG",
    "DATA_VERSION_IS_USER_PROVIDED_TAG",
    "DATA_VERSION_TAG",
    "AssetCheckEvaluationTargetMaterializationData",
    "AssetRecordsFilter",
    "CachingStaleStatusResolver",
    "ErrorSource",
    "LoadingContextForTest",
    "RunFailureReason",
    "StaleStatus",
    "get_input_data_version_tag",
    "get_input_event_pointer_tag",
]
