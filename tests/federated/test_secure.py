"""The secure sum is exact, a message alone is uniform, and who drops out takes no masks along."""

import numpy as np
import pytest

from freedive.federated import SecureSum

CLIENTS = 6


@pytest.fixture
def parts():
    rng = np.random.default_rng(0)
    return [{"dense": {"kernel": rng.normal(size=(40, 30)), "bias": rng.normal(size=30)}} for _ in range(CLIENTS)]


def test_the_sum_is_exactly_that_of_the_encoded_numbers(parts):
    agreed = SecureSum(CLIENTS)
    messages = {i: agreed.message(i, part) for i, part in enumerate(parts)}
    found = agreed.total(messages)["dense"]
    for name in ("kernel", "bias"):
        want = sum(np.round(part["dense"][name] * 2**24) for part in parts) / 2**24
        np.testing.assert_array_equal(found[name], want)
    gone = {i: messages[i] for i in (0, 2, 5)}
    want = sum(np.round(parts[i]["dense"]["kernel"] * 2**24) for i in gone) / 2**24
    np.testing.assert_array_equal(agreed.total(gone)["dense"]["kernel"], want)


def test_a_message_alone_tells_nothing(parts):
    """Its words are uniform, and those of another agreement, or of other values, are not related to them."""
    message = SecureSum(CLIENTS).message(1, parts[1])["dense"]["kernel"].ravel()
    shares = message / 2.0**64
    assert abs(shares.mean() - 0.5) < 5 / np.sqrt(12 * len(shares))
    ones = np.unpackbits(message.view(np.uint8)).mean()
    assert abs(ones - 0.5) < 5 * 0.5 / np.sqrt(64 * len(shares))
    plain = parts[1]["dense"]["kernel"].ravel()
    assert abs(np.corrcoef(shares, plain)[0, 1]) < 5 / np.sqrt(len(shares))
    other = SecureSum(CLIENTS).message(1, parts[1])["dense"]["kernel"].ravel()
    assert not np.any(message == other)


def test_what_is_no_secret_is_refused(parts):
    with pytest.raises(ValueError, match="Expected 2 or more"):
        SecureSum(1)
    agreed = SecureSum(CLIENTS)
    with pytest.raises(ValueError, match="would show a client's part alone"):
        agreed.total({0: agreed.message(0, parts[0])})
    with pytest.raises(ValueError, match=r"message\(client=0\): it has sent one.*a new SecureSum for every sum"):
        agreed.message(0, parts[1])
    with pytest.raises(ValueError, match="must be finite"):
        agreed.message(0, np.array([np.nan]))
