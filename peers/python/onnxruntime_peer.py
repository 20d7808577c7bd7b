"""ONNX Runtime: prediction only, with a model of fixed batch made by `onnx`."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from peer import Peer, Way


class OnnxRuntime(Peer):
    version = onnxruntime.__version__

    def __init__(self, workload, threads):
        super().__init__(workload, threads)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        model = graph_of(workload).SerializeToString()
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.inputs = {"rows": workload.rows}

    def ways_to_predict(self):
        batch = self.workload.batch
        yield Way("run", lambda: self.session.run(None, self.inputs), batch)
        # The same without making NumPy arrays of the output and looking at the input's every time.
        bound = self.session.io_binding()
        bound.bind_cpu_input("rows", self.workload.rows)
        bound.bind_ortvalue_output("y", onnxruntime.OrtValue.ortvalue_from_shape_and_type([batch, 1], np.float32))
        yield Way("bound buffers", lambda: self.session.run_with_iobinding(bound), batch)

    def predictions(self):
        return self.session.run(None, self.inputs)[0]


def graph_of(workload):
    """The network as alternating Gemm and Sigmoid nodes."""
    nodes, constants, below = [], [], "rows"
    for index, layer in enumerate(workload.layers):
        weights, biases, preactivation = f"weights{index}", f"biases{index}", f"a{index}"
        value = "y" if index == len(workload.layers) - 1 else f"z{index}"
        constants.append(numpy_helper.from_array(np.ascontiguousarray(layer.weights.T), weights))
        constants.append(numpy_helper.from_array(layer.biases, biases))
        nodes.append(helper.make_node("Gemm", [below, weights, biases], [preactivation]))
        nodes.append(helper.make_node("Sigmoid", [preactivation], [value]))
        below = value
    rows = helper.make_tensor_value_info("rows", TensorProto.FLOAT, workload.rows.shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [workload.batch, 1])
    graph = helper.make_graph(nodes, "network", [rows], [y], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model
