"""All stages of the pipeline, in one place, without Dagster: what planning and the command line start from."""

from assets.stages.decoding.decoders import decoder_stages
from assets.stages.decoding.sweeps import sweep_stages
from assets.stages.results.evaluation import evaluation_stages
from assets.stages.results.leaderboard import leaderboard_stage
from assets.stages.results.report import report_stage
from assets.stages.signals.deconvolution import deconvolution_stages
from assets.stages.signals.deconvolution_networks import learned_stages
from assets.stages.signals.fluorescence import fluorescence
from assets.stages.signals.recording import recording
from assets.stages.tensors.binned import binned
from assets.stages.tensors.folds import folds
from neuropipe.errors import BadInput
from resources.store.plan import Pipeline
from resources.workspace import Workspace

BUILDER = "assets.pipeline:build_pipeline"


def build_pipeline(workspace: Workspace | None = None) -> Pipeline:
    """The pipeline in a workspace (default: the one that the environment names)."""
    workspace = workspace or Workspace.from_environment()
    decoders = decoder_stages()
    evaluations = evaluation_stages(decoders)
    names = tuple(stage.name for stage in evaluations)
    sweeps = sweep_stages()
    report = report_stage(tuple(stage.name for stage in sweeps))
    imaged = [fluorescence, *deconvolution_stages(), *learned_stages(workspace)]
    stages = [recording, *imaged, binned, folds, *decoders, *evaluations, *sweeps, leaderboard_stage(names), report]
    pipeline = Pipeline(stages, workspace, BUILDER)
    _refuse_settings_of_no_asset(pipeline)
    return pipeline


def quick(pipeline: Pipeline) -> list[str]:
    """What a first-time user wants in minutes: everything but slow decoders and their evaluations."""
    return [name for name, stage in pipeline.stages.items() if not stage.slow]


def _refuse_settings_of_no_asset(pipeline: Pipeline) -> None:
    """A misspelt asset under `config:` in the catalogue would else be a setting that silently does nothing."""
    for session in pipeline.workspace.catalog:
        for asset in (*session.dataset.config, *session.entry.config):
            try:
                pipeline.stage(asset)
            except BadInput as error:
                raise BadInput(f"config of {session.key} in the catalogue: {error}") from None
