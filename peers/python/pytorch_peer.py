"""PyTorch: modules, autograd and its SGD, as its users write a training loop."""

from itertools import cycle

import torch
from torch import nn

from peer import Peer, Way
from workload import LEARNING_RATE


class PyTorch(Peer):
    version = torch.__version__

    def __init__(self, workload, threads):
        super().__init__(workload, threads)
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        self.loss_of = nn.BCEWithLogitsLoss()
        features, targets = torch.from_numpy(workload.features), torch.from_numpy(workload.targets)
        self.minibatches = list(zip(features, targets.unsqueeze(2)))
        self.rows = torch.from_numpy(workload.rows)
        self.model, self.optimizer = self.fresh(fused=False)
        self.predictor = nn.Sequential(network(workload.layers), nn.Sigmoid()).eval()

    def fresh(self, fused):
        """A model at the starting weights and its optimizer."""
        model = network(self.workload.layers)
        return model, torch.optim.SGD(model.parameters(), lr=LEARNING_RATE, fused=fused)

    def ways_to_train(self):
        for name, fused in (("eager", False), ("eager, fused SGD", True)):
            self.model, self.optimizer = self.fresh(fused)
            minibatches = cycle(range(len(self.minibatches)))
            yield Way(name, lambda: self.step(next(minibatches)), self.workload.batch)

    def ways_to_predict(self):
        with torch.inference_mode():
            yield Way("eager", lambda: self.predictor(self.rows), self.workload.batch)

    def step(self, minibatch):
        self.optimizer.zero_grad()
        self.forward(minibatch).backward()
        self.optimizer.step()

    def forward(self, minibatch):
        features, targets = self.minibatches[minibatch]
        return self.loss_of(self.model(features), targets)

    def loss(self, minibatch):
        return self.forward(minibatch).detach()

    def predictions(self):
        with torch.inference_mode():
            return self.predictor(self.rows).numpy()


class CompiledPyTorch(PyTorch):
    """The same through torch.compile, which needs a C++ compiler and takes a minute to warm up."""

    def ways_to_train(self):
        self.model, self.optimizer = self.fresh(fused=False)
        self.forward = torch.compile(self.forward, dynamic=False)
        self.optimizer.step = torch.compile(self.optimizer.step)
        minibatches = cycle(range(len(self.minibatches)))
        yield Way("compiled", lambda: self.step(next(minibatches)), self.workload.batch)

    def ways_to_predict(self):
        compiled = torch.compile(self.predictor, dynamic=False)
        with torch.no_grad():
            yield Way("compiled", lambda: compiled(self.rows), self.workload.batch)


def network(layers):
    """Linear layers with sigmoids between them; its output is the preactivation of the output unit."""
    modules = []
    for layer in layers:
        outputs, inputs = layer.weights.shape
        linear = nn.Linear(inputs, outputs)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(layer.weights))
            linear.bias.copy_(torch.from_numpy(layer.biases))
        modules += [linear, nn.Sigmoid()]
    return nn.Sequential(*modules[:-1])
