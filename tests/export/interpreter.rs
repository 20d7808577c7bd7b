//! Runs graphs of ONNX: the operators that exports use, as the standard defines them, for small tensors and without haste.

use std::collections::{BTreeMap, HashMap};

use export::onnx::proto::{AttributeProto, DataType, ModelProto, NodeProto, TensorProto};

/// A tensor in row-major order.
#[derive(Debug, Clone)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub elements: Elements,
}

/// Numbers of any type are kept as f64, rounded as their type is; truth values are 0 and 1.
#[derive(Debug, Clone)]
pub enum Elements {
    Numbers(DataType, Vec<f64>),
    Strings(Vec<String>),
}

/// The outputs of a graph, by their names.
///
/// # Panics
/// If the graph uses what is not there, or types that do not go together.
pub fn run(model: &ModelProto, inputs: BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    let graph = model.graph.as_ref().expect("a graph");
    let mut values: HashMap<&str, Tensor> = HashMap::new();
    let put = |values: &mut HashMap<_, _>, name, tensor| {
        assert!(values.insert(name, tensor).is_none(), "{name} is there twice");
    };
    assert_eq!(graph.input.len(), inputs.len());
    for input in &graph.input {
        let tensor = inputs[&input.name].clone();
        let declared = input.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref()).expect("a type");
        assert_eq!(declared.elem_type(), tensor.data_type(), "{}", input.name);
        put(&mut values, &*input.name, tensor);
    }
    for initializer in &graph.initializer {
        put(&mut values, &*initializer.name, constant(initializer));
    }
    for node in &graph.node {
        let inputs: Vec<&Tensor> = node.input.iter().map(|name| &values[&**name]).collect();
        let result = apply(node, &inputs);
        put(&mut values, &*node.output[0], result);
    }
    graph.output.iter().map(|output| (output.name.clone(), values[&*output.name].clone())).collect()
}

impl Tensor {
    fn data_type(&self) -> DataType {
        match &self.elements {
            Elements::Numbers(data_type, _) => *data_type,
            Elements::Strings(_) => DataType::String,
        }
    }

    fn numbers(&self) -> &[f64] {
        match &self.elements {
            Elements::Numbers(_, numbers) => numbers,
            Elements::Strings(_) => panic!("strings in the place of numbers"),
        }
    }

    fn new(shape: Vec<usize>, data_type: DataType, numbers: Vec<f64>) -> Tensor {
        assert_eq!(shape.iter().product::<usize>(), numbers.len());
        let numbers = numbers.into_iter().map(|number| rounded(data_type, number)).collect();
        Tensor { shape, elements: Elements::Numbers(data_type, numbers) }
    }

    /// The place of the element that stands at row-major place `at` of the larger `shape`.
    fn broadcast(&self, shape: &[usize], mut at: usize) -> usize {
        let (mut place, mut stride) = (0, 1);
        let own = self.shape.iter().rev().copied().chain(std::iter::repeat(1));
        for (length, own) in shape.iter().rev().zip(own) {
            assert!(own == 1 || own == *length, "{:?} for {shape:?}", self.shape);
            place += if own == 1 { 0 } else { at % length * stride };
            stride *= own;
            at /= length;
        }
        place
    }
}

fn rounded(data_type: DataType, number: f64) -> f64 {
    match data_type {
        DataType::Float => f64::from(number as f32),
        DataType::Double => number,
        DataType::Int64 => number.trunc(),
        DataType::Bool => f64::from(number != 0.0),
        DataType::String | DataType::Undefined => panic!("no type of numbers"),
    }
}

fn constant(tensor: &TensorProto) -> Tensor {
    let shape: Vec<usize> = tensor.dims.iter().map(|length| *length as usize).collect();
    let raw = tensor.raw_data.as_deref().unwrap_or_default();
    let numbers = match tensor.data_type() {
        DataType::Float => raw.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()).into()).collect(),
        DataType::Double => raw.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect(),
        DataType::Int64 => raw.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64).collect(),
        DataType::String => {
            let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).unwrap();
            return Tensor { shape, elements: Elements::Strings(tensor.string_data.iter().map(text).collect()) };
        }
        other => panic!("a constant of type {other:?}"),
    };
    Tensor::new(shape, tensor.data_type(), numbers)
}

fn attribute<'a>(node: &'a NodeProto, name: &str) -> &'a AttributeProto {
    let found = node.attribute.iter().find(|attribute| attribute.name == name);
    found.unwrap_or_else(|| panic!("{} has no attribute {name}", node.op_type))
}

fn apply(node: &NodeProto, inputs: &[&Tensor]) -> Tensor {
    let int = |name| attribute(node, name).i.expect("a number");
    match (&*node.op_type, inputs) {
        ("Add" | "Sum", _) => fold(inputs, |a, b| a + b),
        ("Sub", [_, _]) => fold(inputs, |a, b| a - b),
        ("Mul", [_, _]) => fold(inputs, |a, b| a * b),
        ("Div", [_, _]) => fold(inputs, |a, b| a / b),
        ("GreaterOrEqual", [_, _]) => {
            let Tensor { shape, elements } = fold(inputs, |a, b| f64::from(a >= b));
            let Elements::Numbers(_, numbers) = elements else { unreachable!("numbers were compared") };
            Tensor::new(shape, DataType::Bool, numbers)
        }
        ("Clip", [_, _, _]) => fold(&[&fold(&inputs[..2], f64::max), inputs[2]], f64::min),
        ("Neg", [x]) => map(x, |x| -x),
        ("Abs", [x]) => map(x, f64::abs),
        ("Floor", [x]) => map(x, f64::floor),
        ("Sqrt", [x]) => map(x, f64::sqrt),
        ("Tanh", [x]) => map(x, f64::tanh),
        ("Relu", [x]) => map(x, |x| x.max(0.0)),
        ("Sigmoid", [x]) => map(x, |x| 1.0 / (1.0 + (-x).exp())),
        ("Erf", [x]) => map(x, erf),
        ("IsNaN", [x]) => {
            let numbers = x.numbers().iter().map(|number| f64::from(number.is_nan())).collect();
            Tensor::new(x.shape.clone(), DataType::Bool, numbers)
        }
        ("Cast", [x]) => {
            let to = DataType::try_from(int("to") as i32).expect("a known type");
            Tensor::new(x.shape.clone(), to, x.numbers().to_vec())
        }
        ("Where", [condition, yes, no]) => {
            assert_eq!((condition.data_type(), yes.data_type()), (DataType::Bool, no.data_type()));
            let chosen = |at: usize| {
                let from = if condition.numbers()[at] == 1.0 { yes } else { no };
                from.numbers()[from.broadcast(&condition.shape, at)]
            };
            let numbers = (0..condition.numbers().len()).map(chosen).collect();
            Tensor::new(condition.shape.clone(), yes.data_type(), numbers)
        }
        ("Gather", [data, indices]) => gather(data, indices, int("axis") as usize),
        ("Concat", _) => concat(inputs),
        ("Flatten", [x]) => {
            let (rows, width) = x.shape.split_at(int("axis") as usize);
            Tensor { shape: vec![rows.iter().product(), width.iter().product()], elements: x.elements.clone() }
        }
        ("Pad", [x, widths, with]) => pad(x, widths, with),
        ("Gemm", [x, weights]) => gemm(x, weights, int("transB") == 1),
        ("Softmax", [x]) => rows(x, |row| {
            let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let exponentials: Vec<f64> = row.iter().map(|a| (a - most).exp()).collect();
            let sum: f64 = exponentials.iter().sum();
            exponentials.iter().map(|exponential| exponential / sum).collect()
        }),
        ("ArgMax", [x]) => {
            let most = |row: &[f64]| (0..row.len()).rev().max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap() as f64;
            let numbers: Vec<f64> = x.numbers().chunks_exact(x.shape[1]).map(most).collect();
            assert_eq!((int("axis"), int("keepdims")), (1, 1));
            Tensor::new(vec![x.shape[0], 1], DataType::Int64, numbers)
        }
        ("LabelEncoder", [x]) => {
            let Elements::Strings(labels) = &x.elements else { panic!("labels are strings") };
            assert_eq!(node.domain, "ai.onnx.ml");
            let keys = &attribute(node, "keys_strings").strings;
            let codes = &attribute(node, "values_int64s").ints;
            assert_eq!(keys.len(), codes.len());
            let code = |label: &String| {
                let known = keys.iter().position(|key| *key == label.as_bytes());
                known.map_or(int("default_int64"), |place| codes[place]) as f64
            };
            Tensor::new(x.shape.clone(), DataType::Int64, labels.iter().map(code).collect())
        }
        (operator, _) => panic!("{operator} of {} inputs", inputs.len()),
    }
}

/// erf(x) = 2 / sqrt(pi) (x - x^3 / 3 + x^5 / (2! 5) - ...), a series that loses few digits up to 4; beyond, it is 1 to a part
/// in 10^8.
fn erf(x: f64) -> f64 {
    if x.abs() > 4.0 {
        return x.signum();
    }
    let (mut power, mut sum) = (x, x);
    for n in 1..100 {
        power *= -x * x / f64::from(n);
        sum += power / f64::from(2 * n + 1);
    }
    sum * std::f64::consts::FRAC_2_SQRT_PI
}

fn map(x: &Tensor, function: impl Fn(f64) -> f64) -> Tensor {
    Tensor::new(x.shape.clone(), x.data_type(), x.numbers().iter().copied().map(function).collect())
}

/// Element by element, from the first to the last; the first has the shape of the result.
fn fold(inputs: &[&Tensor], function: impl Fn(f64, f64) -> f64) -> Tensor {
    let data_type = inputs[0].data_type();
    assert!(inputs.iter().all(|input| input.data_type() == data_type), "one type");
    let largest = inputs.iter().max_by_key(|input| input.numbers().len()).unwrap();
    let shape = largest.shape.clone();
    let element = |at: usize| {
        let elements = inputs.iter().map(|input| input.numbers()[input.broadcast(&shape, at)]);
        elements.reduce(&function).unwrap()
    };
    Tensor::new(shape.clone(), data_type, (0..largest.numbers().len()).map(element).collect())
}

fn rows(x: &Tensor, function: impl Fn(&[f64]) -> Vec<f64>) -> Tensor {
    let [height, width] = x.shape[..] else { panic!("a matrix") };
    let numbers: Vec<f64> = x.numbers().chunks_exact(width).flat_map(function).collect();
    Tensor::new(vec![height, numbers.len() / height], x.data_type(), numbers)
}

fn gather(data: &Tensor, indices: &Tensor, axis: usize) -> Tensor {
    let (outer, inner) = (&data.shape[..axis], &data.shape[axis + 1..]);
    let shape = [outer, &indices.shape, inner].concat();
    let (length, width) = (data.shape[axis], inner.iter().product::<usize>());
    let mut places = Vec::new();
    for block in 0..outer.iter().product::<usize>() {
        for index in indices.numbers() {
            assert!((0.0..length as f64).contains(index), "index {index} of {length}");
            let first = (block * length + *index as usize) * width;
            places.extend(first..first + width);
        }
    }
    match &data.elements {
        Elements::Strings(strings) => {
            let strings = places.iter().map(|place| strings[*place].clone()).collect();
            Tensor { shape, elements: Elements::Strings(strings) }
        }
        Elements::Numbers(data_type, numbers) => {
            Tensor::new(shape, *data_type, places.iter().map(|place| numbers[*place]).collect())
        }
    }
}

fn concat(inputs: &[&Tensor]) -> Tensor {
    let (height, data_type) = (inputs[0].shape[0], inputs[0].data_type());
    assert!(inputs.iter().all(|input| input.shape[0] == height && input.data_type() == data_type));
    let row = |row: usize| {
        inputs.iter().flat_map(move |input| &input.numbers()[row * input.shape[1]..][..input.shape[1]]).copied()
    };
    let width = inputs.iter().map(|input| input.shape[1]).sum();
    Tensor::new(vec![height, width], data_type, (0..height).flat_map(row).collect())
}

/// Columns before and after those of a matrix.
fn pad(x: &Tensor, widths: &Tensor, with: &Tensor) -> Tensor {
    let &[0.0, before, 0.0, after] = widths.numbers() else { panic!("rows before and after, then columns") };
    assert_eq!((widths.data_type(), with.data_type()), (DataType::Int64, x.data_type()));
    let columns = |count: f64| vec![with.numbers()[0]; count as usize];
    rows(x, |row| [&columns(before)[..], row, &columns(after)].concat())
}

fn gemm(x: &Tensor, weights: &Tensor, transposed: bool) -> Tensor {
    assert!(transposed, "weights are (outputs, inputs)");
    let [outputs, inputs] = weights.shape[..] else { panic!("a matrix") };
    assert_eq!(x.shape[1], inputs);
    let mut numbers = Vec::new();
    for x in x.numbers().chunks_exact(inputs) {
        for weights in weights.numbers().chunks_exact(inputs) {
            numbers.push(weights.iter().zip(x).map(|(w, x)| w * x).sum());
        }
    }
    Tensor::new(vec![x.shape[0], outputs], x.data_type(), numbers)
}
