"""How a batch adds to sums: the one idea on which windows, restarts, fleets and baselines rest."""

from ml_exporter.sums.attributions import AttributionTally
from ml_exporter.sums.classification import BinaryScoreTally, ConfusionTally, MulticlassScoreTally
from ml_exporter.sums.estimation import EstimationTally, ExpectedOutcomeTally
from ml_exporter.sums.feedback import FeedbackTally
from ml_exporter.sums.label_bins import LabelBinTally
from ml_exporter.sums.labels import LabelTally
from ml_exporter.sums.multivariate import MultivariateTally
from ml_exporter.sums.regression import RegressionTally
from ml_exporter.sums.repeats import RepeatTally
from ml_exporter.sums.residuals import ResidualTally
from ml_exporter.sums.segments import SegmentOutcomeTally, SegmentTally
from ml_exporter.sums.shadow import ShadowTally
from ml_exporter.sums.tally import FeedbackFactory, OutcomeFactory, PairFactory, PredictionFactory
from ml_exporter.sums.traffic import TrafficTally
from ml_exporter.sums.variables import VariableTally

PREDICTION_TALLIES: tuple[PredictionFactory, ...] = (
    VariableTally,
    TrafficTally,
    SegmentTally.of,
    AttributionTally.of,
    RepeatTally.of,
    MultivariateTally.of,
    EstimationTally.of,
)
OUTCOME_TALLIES: tuple[OutcomeFactory, ...] = (
    LabelTally,
    ConfusionTally.of,
    BinaryScoreTally.of,
    MulticlassScoreTally.of,
    RegressionTally.of,
    ResidualTally.of,
    LabelBinTally.of,
    SegmentOutcomeTally.of,
    ExpectedOutcomeTally.of,
)
FEEDBACK_TALLIES: tuple[FeedbackFactory, ...] = (FeedbackTally.of,)
PAIR_TALLIES: tuple[PairFactory, ...] = (ShadowTally.of,)
