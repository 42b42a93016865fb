"""Names in other libraries, for hints: what was asked for is never replaced by what was meant.

Every row lists, without case and signs, names of one function in PyTorch, Keras, scikit-learn,
MATLAB, FANN and the literature. The hint is the name of the row that deltaloop has; a row without
one keeps a near spelling of something else ('elu' for 'gelu') from being suggested.
"""

from collections.abc import Collection

_ROWS = {
    "activation": """
        identity linear purelin none passthrough
        sigmoid logistic logsig expit sigmoidstepwise
        tanh tansig hyperbolictangent sigmoidsymmetric sigmoidsymmetricstepwise
        relu rectifier rectify rectifiedlinear rectlin poslin ramp
        leakyrelu lrelu leakyrectify
        elu exponentiallinear
        softplus smoothrelu
        softmax softargmax
        logsoftmax
        gelu
        gelutanh gelunew gelufast
        silu swish
        selu
        celu
        mish
        prelu
        rrelu
        relu6
        glu
        hardsigmoid sigmoidpiecewise
        hardtanh satlins linearpiecesymmetric
        lecuntanh scaledtanh
        hardswish hardsilu
        satlin linearpiece
        softsign elliotsig elliotsymmetric
        elliot
        logsigmoid
        softmin
        softshrink
        hardshrink
        tanhshrink
        exp exponential
        sin sine sinsymmetric siren
        cos cosine cossymmetric
        gaussian gauss rbf radbas
        step heaviside threshold hardlim binarystep
        sign hardlims thresholdsymmetric
    """,
    "loss": """
        mse meansquarederror meansquared squarederror squared l2 sse
        binarycrossentropy bce sigmoidcrossentropy multilabelsoftmargin logistic log
        crossentropy categoricalcrossentropy sparsecategoricalcrossentropy cce
        crossentropy softmaxcrossentropy sparsesoftmaxcrossentropy log
        nll negativeloglikelihood
        mae l1 meanabsoluteerror meanabsolute absoluteerror absolute
        huber smoothl1
        rmse rootmeansquarederror
        mape meanabsolutepercentageerror
        msle meansquaredlogarithmicerror
        logcosh
        hinge
        squaredhinge
        categoricalhinge
        kullbackleibler kldivergence kldiv kl kullbackleiblerdivergence
        generalizedkullbackleibler generalizedkl idivergence
        itakurasaito
        hellinger
        exponential
        poisson poissonnll poissondeviance
        gaussiannll
        cosinesimilarity cosineembedding
        quantile pinball
        binaryfocal focal sigmoidfocal binaryfocalcrossentropy
    """,
    "optimizer": """
        sgd sgdm gradientdescent momentum nesterov traingd traingdm trainincremental trainbatch
        adam
        adamw
        adamax
        nadam
        radam
        rmsprop
        adagrad
        adadelta
        lion
        lamb
        lbfgs bfgs trainbfg
        rprop trainrp trainrprop
        quickprop trainquickprop
        levenbergmarquardt lm trainlm
        trainbr
        scg scaledconjugategradient trainscg
        traingdx traingda
    """,
    "initializer": """
        glorotuniform xavieruniform glorot xavier
        glorotnormal xaviernormal glorot xavier
        heuniform kaiminguniform he kaiming
        henormal kaimingnormal he kaiming msra
        lecununiform lecun
        lecunnormal lecun
        uniform randomuniform rand random
        normal randomnormal randn random gaussian
        zeros zero
        ones one
        constant const fill
        identity eye
        orthogonal orthogonalinit ortho
        truncatednormal truncnormal
        variancescaling
        nguyenwidrow initnw nw
        pytorch torch linear
        scikitlearn sklearn mlp
    """,
    "metric": """
        accuracy acc categoricalaccuracy sparsecategoricalaccuracy binaryaccuracy
        balancedaccuracy uar
        precision positivepredictivevalue ppv
        recall sensitivity truepositiverate tpr hitrate
        f1 f fmeasure dice
        matthews mcc matthewscorrcoef matthewscorrelation phi
        auc rocauc auroc aucroc roc
        averageprecision auprc prauc ap
        log neglog crossentropy nll binarycrossentropy categoricalcrossentropy bce logistic
        brier
        mse meansquared meansquarederror negmeansquarederror
        rmse rootmeansquared rootmeansquarederror negrootmeansquarederror
        mae meanabsolute meanabsoluteerror negmeanabsoluteerror l1
        mape meanabsolutepercentage meanabsolutepercentageerror
        r2 rsquared coefficientofdetermination
        explainedvariance
        pearson pearsonr correlation corr corrcoef
    """,
    "schedule": """
        constant constantlr
        step steplr stepdecay
        exponential exponentiallr exponentialdecay
        cosine cosineannealinglr cosineannealing cosinedecay warmupcosine
        onecycle onecyclelr
        inversescaling invscaling inversetimedecay
        reduceonplateau reducelronplateau plateau adaptive
    """,
    "monitor": """
        loss valloss validationloss trainingloss trainloss
    """,
}


def meant(what: str, name: str, accepted: Collection[str]) -> list[str]:
    """Accepted names that `name` may stand for: by spelling or meaning, or else the nearest."""
    from difflib import get_close_matches

    same = same_as(what, name, accepted)
    if same is not None:
        return same
    by_spelling = _by_spelling(what, accepted)
    return [by_spelling[near] for near in get_close_matches(_folded(what, name), by_spelling, n=1)]


def same_as(what: str, name: str, accepted: Collection[str]) -> list[str] | None:
    """Accepted names of what `name` is a name of; None where it is no name that is known."""
    by_spelling, asked = _by_spelling(what, accepted), _folded(what, name)
    if asked in by_spelling:
        return [by_spelling[asked]]
    rows = [row.split() for row in _ROWS.get(what, "").splitlines()]
    same = {spelling for row in rows if asked in row for spelling in row}
    return [by_spelling[each] for each in by_spelling if each in same] if same else None


def _by_spelling(what, accepted):
    return {_folded(what, each): each for each in sorted(accepted)}


def _folded(what, name):
    """'torch.nn.MSELoss', 'mse_loss' and 'MSE' as 'mse'; 'FANN_LINEAR' as 'linear'."""
    if what in _ROWS:
        name = name.rpartition(".")[2]
    name = "".join(filter(str.isalnum, name.casefold())).removeprefix("fann")
    if what == "metric":  # 'accuracy_score', 'brier_score_loss'
        return name.removesuffix("loss").removesuffix("score")
    return name.removesuffix("loss").removesuffix("withlogits") if what == "loss" else name
