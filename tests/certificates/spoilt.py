"""Two good files, a toy's weights and its exact certificate, to spoil."""

from copy import deepcopy

from mutation import case_of
from support.certify import encoded, join_weights, split_weights, trained_toy, verdict

WEIGHTS = trained_toy().bytes()
CASE = case_of("trained", "exact")
CERT = encoded(CASE.cert)
TEXT = CERT.decode()
HEADER, BODY = split_weights(WEIGHTS)
SYNTAX, LIMIT, UNSUPPORTED = (2, "syntax"), (2, "limit"), (2, "unsupported")


def refusal_of_cert(cert):
    return verdict(WEIGHTS, cert).refusal


def refusal_of_weights(weights):
    return verdict(weights, CERT).refusal


def header_with(**changes):
    """Return the weights with fields of W_U's entry in the header changed."""
    header = deepcopy(HEADER)
    header["unembed.W_U"] |= changes
    return join_weights(header, BODY)
