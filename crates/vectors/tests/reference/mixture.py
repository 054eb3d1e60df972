"""Reference for mixtures, Fisher vectors and VLAD by NumPy and scikit-learn, written to mixture.json."""

import json
import pathlib

import numpy as np
from sklearn.mixture import GaussianMixture

rng = np.random.default_rng(3)
k, d, n = 3, 4, 600
centres = rng.normal(size=(k, d)) * 4
deviations = rng.uniform(0.3, 1.2, size=(k, d))
which = rng.choice(k, size=n, p=[0.5, 0.3, 0.2])
samples = (centres[which] + rng.normal(size=(n, d)) * deviations[which]).astype(np.float32)

# What expectation and maximisation come to.
model = GaussianMixture(k, covariance_type="diag", tol=1e-6, reg_covar=0, max_iter=200,
                        means_init=centres, random_state=0).fit(samples.astype(np.float64))
order = np.argsort(-model.weights_)
weights, means, variances = (x[order] for x in (model.weights_, model.means_, model.covariances_))

# A softer mixture of its own for the formulas.
w = np.array([0.2, 0.5, 0.3], np.float32)
mu = rng.normal(size=(k, d)).astype(np.float32)
var = rng.uniform(0.5, 2.0, size=(k, d)).astype(np.float32)
x = rng.normal(size=(20, d)).astype(np.float32)
W, M, V, X = (a.astype(np.float64) for a in (w, mu, var, x))
log = np.log(W) - 0.5 * (np.log(2 * np.pi * V).sum(1) + ((X[:, None] - M) ** 2 / V).sum(2))
gamma = np.exp(log - log.max(1, keepdims=True))
gamma /= gamma.sum(1, keepdims=True)
z = (X[:, None] - M) / np.sqrt(V)
g_mu = (gamma[..., None] * z).sum(0) / (len(X) * np.sqrt(W)[:, None])
g_sigma = (gamma[..., None] * (z**2 - 1)).sum(0) / (len(X) * np.sqrt(2 * W)[:, None])
gradient = np.concatenate([g_mu.ravel(), g_sigma.ravel()])
fisher = np.sign(gradient) * np.sqrt(np.abs(gradient))
fisher /= np.linalg.norm(fisher)

nearest = ((X[:, None] - M) ** 2).sum(2).argmin(1)
residuals = np.array([(X[nearest == i] - M[i]).sum(0) for i in range(k)])
vlad = np.sign(residuals) * np.sqrt(np.abs(residuals))
vlad = vlad.ravel() / np.linalg.norm(vlad)
intra = residuals / np.maximum(np.linalg.norm(residuals, axis=1, keepdims=True), 1e-12)
intra = intra.ravel() / np.linalg.norm(intra)

listed = lambda a: np.asarray(a, np.float64).ravel().tolist()
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps({
    "dimension": d,
    "samples": [round(v, 6) for v in listed(samples)],
    "trained": {"weights": listed(weights), "means": listed(means), "variances": listed(variances)},
    "weights": listed(w), "means": listed(mu), "variances": listed(var), "vectors": listed(x),
    "posteriors": listed(gamma), "gradient": listed(gradient), "fisher": listed(fisher),
    "vlad": listed(vlad), "intra": listed(intra),
}))
