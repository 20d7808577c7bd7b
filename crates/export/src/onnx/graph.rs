//! A graph in the making: values with unique names, constants, and the nodes that connect them.

use std::collections::HashMap;

use super::proto::{
    AttributeProto, AttributeType, DataType, Dimension, DimensionProto, GraphProto, NodeProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};

/// The domain of the operators for classical machine learning; all others have none.
pub(super) const ML_DOMAIN: &str = "ai.onnx.ml";

/// A value of a graph, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value(String);

/// A number that constants consist of.
pub(super) trait Number: Copy {
    const TYPE: DataType;
    fn append(self, bytes: &mut Vec<u8>);
}

macro_rules! numbers {
    ($($type:ty: $data_type:ident),*) => {
        $(impl Number for $type {
            const TYPE: DataType = DataType::$data_type;
            fn append(self, bytes: &mut Vec<u8>) {
                bytes.extend(self.to_le_bytes());
            }
        })*
    };
}

numbers!(f32: Float, f64: Double, i64: Int64);

/// A graph. Its tensors are (rows, width), but for constants; the number of rows is left open.
#[derive(Default)]
pub(super) struct Graph {
    graph: GraphProto,
    /// How many values wanted each name.
    names: HashMap<String, usize>,
}

impl Graph {
    /// A name that no other value has: the wanted one or, if that is taken, with a number.
    fn name(&mut self, wanted: &str) -> String {
        let count = self.names.entry(wanted.to_owned()).or_insert(0);
        *count += 1;
        match *count {
            1 => wanted.to_owned(),
            count => {
                // That may be taken, too.
                let numbered = format!("{wanted}_{count}");
                self.name(&numbered)
            }
        }
    }

    /// Adds an input. All inputs should come before anything else, so that they get the names that they want.
    pub(super) fn input(&mut self, name: &str, element: DataType, width: usize, meaning: &str) -> Value {
        let name = self.name(name);
        self.graph.input.push(value_info(&name, element, width, meaning));
        Value(name)
    }

    /// Adds a constant of this shape.
    pub(super) fn constant<T: Number>(&mut self, name: &str, shape: &[usize], numbers: &[T]) -> Value {
        let mut raw = Vec::with_capacity(size_of_val(numbers));
        numbers.iter().for_each(|number| number.append(&mut raw));
        self.initializer(name, TensorProto { raw_data: Some(raw), ..tensor(T::TYPE, shape) })
    }

    /// Adds a constant: a row of strings.
    pub(super) fn strings(&mut self, name: &str, strings: &[String]) -> Value {
        let string_data = strings.iter().map(|string| string.clone().into_bytes()).collect();
        self.initializer(name, TensorProto { string_data, ..tensor(DataType::String, &[strings.len()]) })
    }

    fn initializer(&mut self, name: &str, tensor: TensorProto) -> Value {
        let name = self.name(name);
        self.graph.initializer.push(TensorProto { name: name.clone(), ..tensor });
        Value(name)
    }

    /// Adds a node and gives its value, which is named after the operator.
    pub(super) fn node(&mut self, operator: &str, inputs: &[&Value], attributes: Vec<AttributeProto>) -> Value {
        let name = self.name(operator);
        let domain = if operator == "LabelEncoder" { ML_DOMAIN } else { "" };
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|Value(name)| name.clone()).collect(),
            output: vec![name.clone()],
            name: name.clone(),
            op_type: operator.to_owned(),
            attribute: attributes,
            domain: domain.to_owned(),
        });
        Value(name)
    }

    /// Adds a node without attributes.
    pub(super) fn apply(&mut self, operator: &str, inputs: &[&Value]) -> Value {
        self.node(operator, inputs, Vec::new())
    }

    /// Adds a node that rounds to another type.
    pub(super) fn cast(&mut self, value: &Value, to: DataType) -> Value {
        self.node("Cast", &[value], vec![int("to", to as i64)])
    }

    /// Makes the value of the last node an output, under this name unless it is taken.
    ///
    /// # Panics
    /// If `value` is not that of the last node.
    pub(super) fn output(&mut self, value: Value, name: &str, element: DataType, width: usize, meaning: &str) -> Value {
        let name = self.name(name);
        let node = self.graph.node.last_mut().expect("a node");
        assert_eq!(node.output, [value.0], "an output is the value of the last node");
        node.output = vec![name.clone()];
        self.graph.output.push(value_info(&name, element, width, meaning));
        Value(name)
    }

    pub(super) fn finish(self, name: &str) -> GraphProto {
        GraphProto { name: name.to_owned(), ..self.graph }
    }
}

/// An attribute that is an integer.
pub(super) fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), i: Some(i), r#type: AttributeType::Int as i32, ..Default::default() }
}

/// An attribute that is a list of integers.
pub(super) fn ints(name: &str, ints: Vec<i64>) -> AttributeProto {
    AttributeProto { name: name.to_owned(), ints, r#type: AttributeType::Ints as i32, ..Default::default() }
}

/// An attribute that is a list of strings.
pub(super) fn strings(name: &str, strings: Vec<Vec<u8>>) -> AttributeProto {
    AttributeProto { name: name.to_owned(), strings, r#type: AttributeType::Strings as i32, ..Default::default() }
}

fn tensor(data_type: DataType, shape: &[usize]) -> TensorProto {
    let dims = shape.iter().map(|length| *length as i64).collect();
    TensorProto { dims, data_type: data_type as i32, ..Default::default() }
}

fn value_info(name: &str, element: DataType, width: usize, meaning: &str) -> ValueInfoProto {
    let dim = [Dimension::DimParam("rows".to_owned()), Dimension::DimValue(width as i64)]
        .map(|dimension| DimensionProto { value: Some(dimension) })
        .to_vec();
    let tensor = TensorTypeProto { elem_type: element as i32, shape: Some(TensorShapeProto { dim }) };
    let r#type = Some(TypeProto { tensor_type: Some(tensor) });
    ValueInfoProto { name: name.to_owned(), r#type, doc_string: meaning.to_owned() }
}
