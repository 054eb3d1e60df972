//! Which values can be computed from which inputs: files that hold an image and a text network side by side are used
//! one half at a time.

use std::collections::BTreeSet;

use super::graph::Graph;

impl Graph {
    /// The values that need an input other than `given`. Everything else can be computed when nothing but `given` is
    /// fed.
    pub fn values_beyond(&self, given: &str) -> BTreeSet<&str> {
        let inputs = self.inputs.iter().map(|input| input.name.as_str());
        let mut beyond: BTreeSet<&str> = inputs.filter(|name| *name != given).collect();
        for operator in &self.operators {
            let needs = |name: &String| beyond.contains(name.as_str());
            if operator.inputs.iter().any(needs) {
                beyond.extend(operator.outputs.iter().map(String::as_str));
            }
        }
        beyond
    }

    /// The inputs that the value `name` is made from, in the order of the model.
    pub fn inputs_of(&self, name: &str) -> Vec<&str> {
        let mut wanted = BTreeSet::from([name]);
        for operator in self.operators.iter().rev() {
            let makes = |output: &String| wanted.contains(output.as_str());
            if operator.outputs.iter().any(makes) {
                wanted.extend(operator.inputs.iter().map(String::as_str));
            }
        }
        let inputs = self.inputs.iter().map(|input| input.name.as_str());
        inputs.filter(|input| wanted.contains(input)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::graph::{Graph, Operator, ValueInfo};
    use crate::tensor::ElementType;

    fn input(name: &str) -> ValueInfo {
        ValueInfo {
            name: name.to_owned(),
            element: ElementType::F32,
            shape: None,
            dimension_names: Vec::new(),
        }
    }

    fn operator(inputs: &[&str], output: &str) -> Operator {
        Operator {
            op: "Add".into(),
            inputs: inputs.iter().map(|name| (*name).to_owned()).collect(),
            outputs: vec![output.to_owned()],
            permutation: None,
        }
    }

    #[test]
    fn each_half_of_a_pair_is_told_from_the_other() {
        let graph = Graph {
            inputs: vec![input("text"), input("picture")],
            outputs: Vec::new(),
            operators: vec![
                operator(&["text", "w"], "t"),
                operator(&["picture", "w"], "p"),
                operator(&["t", "p"], "both"),
            ],
            external: Vec::new(),
        };
        let beyond = graph.values_beyond("picture");
        assert!(beyond.contains("t") && beyond.contains("both") && !beyond.contains("p"));
        assert_eq!(graph.inputs_of("both"), ["text", "picture"]);
        assert_eq!(graph.inputs_of("p"), ["picture"]);
        assert!(graph.inputs_of("w").is_empty());
    }
}
