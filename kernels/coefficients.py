"""Coefficients of approximations that several targets compute with, for each element type.

EXPM1: c_2, c_3, ... of e^r - 1 = r + c_2 r^2 + c_3 r^3 + ... for |r| <= ln(2) / 2. In float32 they
have the least maximal relative error, 1.3e-8, with one term less than Taylor's; in float64 they are
Taylor's 1 / k!, where |r|^14 / 14! < 5e-18.

NORMAL: P and Q of the normal distribution function F(-x) = exp(-x^2 / 2) P(x) / Q(x) for x >= 0, of
least maximal relative error up to x = 14.5 in float32 (5.9e-9) and 39 in float64 (5.2e-17), where
F ends. All of them are positive: nothing cancels.
"""

from math import factorial

EXPM1 = {
    "float32": (0.49999998154, 0.16666543621, 0.04166719986, 0.0083665205774, 0.00138825215),
    "float64": tuple(1 / factorial(k) for k in range(2, 14)),
}

NORMAL = {
    "float32": (
        (
            0.50000000283248609184, 0.43830785124799067929, 0.1832431733863429534,
            0.040635472504901385095, 0.0041165077724928193374,
        ),
        (
            1.0, 1.6745006784718958492, 1.2025398212113717452, 0.46949141834917647938,
            0.10186446237728595205, 0.010318435251492293917,
        ),
    ),
    "float64": (
        (
            0.49999999999999997523, 0.77484160551514621797, 0.59399959778687410533,
            0.28929942829981097403, 0.097684510801659665983, 0.023617913963567116648,
            0.004088360770979879399, 0.00049028053448069101223, 0.000037241845895624417343,
            1.3851609722568729087e-6,
        ),
        (
            1.0, 2.3475677718331477411, 2.5610872761581229496, 1.7142284874618740652,
            0.78194452091296882, 0.25492004280999899168, 0.060423338238021520263,
            0.010341352158141718088, 0.0012324231340881957406, 0.00009335146391928305417,
            3.4720836579847785169e-6,
        ),
    ),
}  # fmt: skip
