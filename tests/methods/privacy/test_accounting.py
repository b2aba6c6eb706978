"""The account of privacy agrees with dp-accounting within 1%, adds up over kinds of steps, and finds the noise."""

import math

import numpy as np
import pytest

from freedive.methods.privacy import Ledger, Spent, losses

dp_accounting = pytest.importorskip("dp_accounting", reason="the peer of the accountant; in the extra [test]")

CASES = [  # noise, rate, steps
    (1.0, 0.01, 1000),
    (1.0, 64 / 60000, 10000),
    (0.7, 256 / 60000, 4000),
    (4.0, 0.1, 500),
    (1.0, 1.0, 1),
    (2.0, 1.0, 50),
    (0.5, 0.001, 2000),
    (10.0, 0.02, 100),
    (0.4, 0.004, 1000),
]


def event(noise, rate, steps):
    one = dp_accounting.GaussianDpEvent(noise)
    return dp_accounting.SelfComposedDpEvent(dp_accounting.PoissonSampledDpEvent(rate, one) if rate < 1 else one, steps)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_agrees_with_dp_accounting(case):
    delta = 1e-7 if CASES.index(case) % 2 else 1e-5
    theirs = dp_accounting.pld.PLDAccountant().compose(event(*case)).get_epsilon(delta)
    mine = losses.epsilon_of([case], delta)
    assert mine == pytest.approx(theirs, rel=5e-4)
    assert mine < dp_accounting.rdp.RdpAccountant().compose(event(*case)).get_epsilon(delta)  # an upper bound


def test_steps_of_some_kinds_add_up():
    ledger = Ledger([(1.0, 0.01, 500), (2.0, 0.05, 300), (0.8, 0.002, 1000)])
    accountant = dp_accounting.pld.PLDAccountant()
    for entry in ledger.entries:
        accountant.compose(event(*entry))
    assert ledger.epsilon(1e-5) == pytest.approx(accountant.get_epsilon(1e-5), rel=1e-3)


def test_delta_of_one_step_without_sampling_is_the_known_formula():
    """delta(epsilon) of a Gaussian: Phi(1/2s - es) - e^e Phi(-1/2s - es), Balle and Wang 2018."""
    from scipy.special import ndtr

    for noise in (0.6, 1.0, 3.0):
        epsilon = losses.epsilon_of([(noise, 1.0, 1)], 1e-5)
        delta = ndtr(0.5 / noise - epsilon * noise) - math.exp(epsilon) * ndtr(-0.5 / noise - epsilon * noise)
        assert delta == pytest.approx(1e-5, rel=1e-3)


@pytest.mark.parametrize(("noise", "steps"), [(20.0, 1_000_000), (1.0, 3000), (0.3, 100)])
def test_losses_far_over_the_largest_exponent_count(noise, steps):
    """So many steps are one of a Gaussian with noise / sqrt(steps), whose losses pass the 709 that exp can take."""
    one = dp_accounting.pld.privacy_loss_distribution.from_gaussian_mechanism(noise / steps**0.5)
    theirs = one.get_epsilon_for_delta(1e-5)
    assert theirs > 600
    assert losses.epsilon_of([(noise, 1.0, steps)], 1e-5) == pytest.approx(theirs, rel=0.01)


@pytest.mark.parametrize(
    ("epsilon", "delta", "rate", "steps"),
    [(8.0, 1e-5, 0.004, 3000), (0.5, 1e-6, 0.01, 200), (60.0, 1e-5, 0.5, 10), (40.0, 1e-5, 0.01, 10)],
)
def test_the_noise_for_an_epsilon_is_just_enough(epsilon, delta, rate, steps):
    noise = Ledger().noise_for(epsilon, delta, rate, steps)
    reached = Ledger([(noise, rate, steps)]).epsilon(delta)
    assert 0.98 * epsilon < reached <= epsilon


def test_what_was_spent_before_takes_of_the_budget():
    before = Ledger([(1.0, 0.01, 500)])
    noise = before.noise_for(2.0, 1e-5, 0.01, 500)
    assert 1.96 < before.and_(Spent(noise, 0.01, 500)).epsilon(1e-5) <= 2.0
    assert before.entries == [Spent(1.0, 0.01, 500)]
    with pytest.raises(ValueError, match=r"of it is spent by 500 steps, so nothing is left"):
        before.noise_for(1.0, 1e-5, 0.01, 100)
    with pytest.raises(ValueError, match="cannot be reached with 100 steps"):
        Ledger().noise_for(1e-4, 1e-6, 1.0, 100)


def test_a_ledger_is_nothing_without_steps_and_promises_nothing_without_noise():
    assert Ledger().epsilon(1e-5) == 0.0 == Ledger([(1.0, 0.01, 0)]).epsilon(1e-5)
    assert Ledger([(1.0, 0.01, 5), (0.0, 0.01, 1)]).epsilon(1e-5) == math.inf
    with pytest.raises(ValueError, match="a rate up to 1"):
        Ledger([(1.0, 1.5, 5)])


def test_more_noise_fewer_steps_and_less_sampling_spend_less():
    middle = losses.epsilon_of([(1.0, 0.01, 1000)], 1e-5)
    for less in [(1.2, 0.01, 1000), (1.0, 0.008, 1000), (1.0, 0.01, 800)]:
        assert losses.epsilon_of([less], 1e-5) < middle
    assert np.isfinite(losses.epsilon_of([(0.1, 0.5, 10)], 1e-5))
