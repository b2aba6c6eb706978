"""What classes written for Keras say and freedive would pass over: told with what stands for it here.

A method that is never called is a silent mistake: the run would be another one than its author wrote.
"""

from __future__ import annotations

OF_LAYERS = {
    "build": "values are made where they are used: self.param(name, shape) and self.variable(name, shape) in call"
}
OF_MODELS = {
    "train_step": "a step of one's own is a function under fd.train_step, or fd.gradients and fd.update, in a loop",
    "test_step": "give compile the losses and metrics, or measure in a loop of your own",
    "predict_step": "write it in call, or change what predict gives",
    "compute_loss": "give compile(loss=...) a function of y_true and y_pred; further terms by self.add_loss in call",
    "compute_metrics": "give compile(metrics=[...]) metrics or functions of y_true and y_pred",
}
INSTEAD = {
    "add_weight": "write self.param(name, shape) for a weight and self.variable(name, shape) for state, in call",
    "losses": "add_loss counts within a run; its sum is in the results of fit and evaluate",
    "metrics": "results are in the history that fit returns, and in what evaluate returns",
    "reset_metrics": "metrics begin anew with every epoch and every evaluate",
    "reset_states": "state between calls is handed on: return_state and initial_state",
    "to_json": "get_config() is the configuration, and save writes it with the weights",
    "export": "save writes one .safetensors file, which load_model reads",
}
OF_METRICS = {
    "add_weight": "write sums(y_true, y_pred, ...), which gives what adds up over batches, and compute(sums)",
    "add_variable": "write sums(y_true, y_pred, ...), which gives what adds up over batches, and compute(sums)",
    "variables": "a metric keeps no state in a run: sums of batches are added up",
}
OF_OPTIMIZERS = {
    "iterations": "an optimizer counts nothing; a function as learning_rate is given the number of steps done",
    "variables": "an optimizer keeps no state: it stands in the run, and in its checkpoints",
    "apply_gradients": "fd.update(model, optimizer, gradients)",
    "apply": "fd.update(model, optimizer, gradients)",
}
OF_FREEDIVE = {
    "GradientTape": "fd.gradients(function, model) gives the gradients, or write a step under fd.train_step",
    "Variable": "values are made in a layer's call: self.param(name, shape) and self.variable(name, shape)",
    "applications": "there are no ready networks; fd.networks has some to train",
    "backend": "arrays are jax.numpy's",
    "clear_session": "there is no session: nothing has to be cleared",
    "mixed_precision": 'compile(precision="mixed_bfloat16")',
    "model_from_json": "fd.Model.from_config(model.get_config())",
    "ops": "arrays are jax.numpy's",
    "plot_model": "model.summary() shows its layers",
    "saving": "fd.models has load_model and save_model",
}


def refuse_unused(owner: type, base: type, words: dict[str, str], where: str) -> None:
    """Refuse a class with a method that is never called.

    >>> class Mine:
    ...     def build(self, shape): ...
    >>> refuse_unused(Mine, object, {"build": "write call"}, "freedive")
    Traceback (most recent call last):
    TypeError: Mine.build: freedive never calls it; write call
    """
    for name, instead in words.items():
        if getattr(owner, name, None) is not getattr(base, name, None):
            raise TypeError(f"{owner.__name__}.{name}: {where} never calls it; {instead}")


def absent(owner: object, name: str, words: dict[str, str] = INSTEAD) -> AttributeError:
    """The error of an attribute that there is not; `words` say what stands for some."""
    hint = f": {words[name]}" if name in words else ""
    return AttributeError(f"{type(owner).__name__} has no attribute {name!r}{hint}")


def absent_from(module: str, name: str) -> AttributeError:
    """The error of a name that a module does not have.

    >>> print(absent_from("freedive", "backend"))
    module 'freedive' has no attribute 'backend': arrays are jax.numpy's
    """
    hint = f": {OF_FREEDIVE[name]}" if name in OF_FREEDIVE else ""
    return AttributeError(f"module {module!r} has no attribute {name!r}{hint}")
