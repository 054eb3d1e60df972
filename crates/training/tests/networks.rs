//! Networks and operators against PyTorch and torchvision, values and gradients; see `reference/networks.py`.
#![allow(clippy::unwrap_used)]

mod support;

use burn::tensor::{Tensor, TensorData};
use serde_json::Value as Json;
use support::{close, device, fill, numbers, parameter};
use vizsla_neural::{NetVlad, Pooling};
use vizsla_training::{
    Builder, Initial, Kind, Mode, Network, Operator, Padding, Parameters, Value, Window,
    mobilenet_v1, pooling, resnet, vgg16,
};

fn reference() -> Json {
    serde_json::from_str(include_str!("reference/networks.json")).unwrap()
}

fn floats(json: &Json) -> Vec<f32> {
    let values = json.as_array().unwrap().iter();
    values.map(|x| x.as_f64().unwrap() as f32).collect()
}

/// One number for all names and shapes.
fn names(network: &Network) -> u32 {
    let mut lines: Vec<String> = network
        .declarations()
        .iter()
        .map(|d| {
            let shape: Vec<String> = d.shape.iter().map(usize::to_string).collect();
            format!("{} {}", d.name, shape.join("x"))
        })
        .collect();
    lines.sort_unstable();
    crc32fast::hash(lines.join("\n").as_bytes())
}

#[test]
fn parameters_have_torchvisions_names_and_shapes() {
    let reference = reference();
    for (name, network) in [
        ("resnet18", resnet(18).unwrap()),
        ("resnet50", resnet(50).unwrap()),
        ("resnet101", resnet(101).unwrap()),
        ("vgg16", vgg16().unwrap()),
    ] {
        let expected = reference["names"][name].as_u64().unwrap();
        assert_eq!(u64::from(names(&network)), expected, "{name}");
    }
    assert!(
        resnet(34)
            .unwrap_err()
            .to_string()
            .contains("choose 18, 50 or 101")
    );
    assert_eq!(mobilenet_v1(0.75).unwrap().dimension(), 768);
    assert!(mobilenet_v1(f64::NAN).is_err());
}

#[test]
fn last_feature_maps_equal_torchvisions() {
    let reference = reference();
    for (name, network) in [
        ("resnet18", resnet(18).unwrap()),
        ("resnet50", resnet(50).unwrap()),
        ("vgg16", vgg16().unwrap()),
    ] {
        let expected = &reference[name];
        let side = expected["side"].as_u64().unwrap() as usize;
        let shape = [2, 3, side, side + 32];
        let image = Value::map(
            numbers("image", shape.iter().product(), 2.0, 0.0),
            shape,
            &device(),
        )
        .unwrap();
        let made = network.forward(&fill(&network), image, Mode::Eval).unwrap();
        let wanted: Vec<usize> = expected["shape"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s.as_u64().unwrap() as usize)
            .collect();
        assert_eq!(made.shape(), wanted, "{name}");
        let found: Vec<f32> = made.numbers().unwrap().into_iter().step_by(37).collect();
        close(name, &found, &floats(&expected["values"]), 1e-4);
    }
}

/// A network of one operator over parameters with these names and shapes.
fn single(input: Kind, operator: Operator, parameters: &[(&str, &[usize])]) -> Network {
    let mut b = Builder::new(input);
    let places: Vec<usize> = parameters
        .iter()
        .map(|(name, shape)| {
            b.parameter(name, shape, Initial::Values(parameter(name, shape).into()))
        })
        .collect();
    b.node("out", operator, &[Builder::INPUT], &places);
    b.finish().unwrap()
}

/// Values and gradients of the input and all parameters against the reference.
fn check(name: &str, network: &Network, input: &[usize], shift: f32) {
    let expected = &reference()["operators"][name];
    let count = input.iter().product();
    let data = TensorData::new(numbers("x", count, 2.0, shift), input.to_vec());
    let autodiff = device().autodiff();
    let parameters = Parameters::initial(network, 0, &device()).tracked();
    let (value, map, rows) = if input.len() == 4 {
        let x = Tensor::<4>::from_data(data, &autodiff).require_grad();
        (Value::Map(x.clone()), Some(x), None)
    } else {
        let x = Tensor::<2>::from_data(data, &autodiff).require_grad();
        (Value::Vectors(x.clone()), None, Some(x))
    };
    let made = network
        .forward(&parameters, value, Mode::Train { seed: 1 })
        .unwrap();
    let wanted = floats(&expected["values"]);
    close(name, &made.clone().numbers().unwrap(), &wanted, 1e-5);
    let weights = numbers("gradient", wanted.len(), 1.0, 0.0);
    let flat: Tensor<1> = match made {
        Value::Map(x) => x.reshape([wanted.len()]),
        Value::Vectors(x) => x.reshape([wanted.len()]),
    };
    let weights = Tensor::<1>::from_data(TensorData::new(weights, [wanted.len()]), &autodiff);
    let gradients = (flat * weights).sum().backward();
    let of_input = match (map, rows) {
        (Some(x), _) => x.grad(&gradients).unwrap().into_vec(),
        (_, x) => x.unwrap().grad(&gradients).unwrap().into_vec(),
    };
    let expected = expected["gradients"].as_array().unwrap();
    close(
        &format!("{name}: input"),
        &of_input,
        &floats(&expected[0]),
        1e-4,
    );
    let of_parameters = parameters.gradients(&gradients);
    for ((entry, found), expected) in parameters
        .entries()
        .iter()
        .zip(of_parameters)
        .zip(&expected[1..])
    {
        let what = format!("{name}: {}", entry.name);
        match found {
            Some(found) => close(&what, &found.into_vec(), &floats(expected), 1e-4),
            None => assert!(entry.statistic, "{what} has no gradient"),
        }
    }
}

trait IntoVec {
    fn into_vec(self) -> Vec<f32>;
}

impl<const D: usize> IntoVec for Tensor<D> {
    fn into_vec(self) -> Vec<f32> {
        self.try_into_vec_as::<f32>().unwrap()
    }
}

const MAP: Kind = Kind::Map { channels: 4 };
const IMAGE: [usize; 4] = [2, 4, 5, 7];

#[test]
fn convolutions_equal_pytorchs() {
    let window = Window {
        kernel: [3, 2],
        strides: [2, 1],
        dilations: [1, 2],
        padding: Padding::Fixed {
            begin: [1, 2],
            end: [1, 2],
        },
    };
    let operator = Operator::Convolution { window, groups: 1 };
    let network = single(
        MAP,
        operator,
        &[("c.weight", &[3, 4, 3, 2]), ("c.bias", &[3])],
    );
    check("convolution", &network, &IMAGE, 0.0);
    let operator = Operator::Convolution {
        window: Window::square(3, 1, 1),
        groups: 2,
    };
    check(
        "grouped",
        &single(MAP, operator, &[("c.weight", &[6, 2, 3, 3])]),
        &IMAGE,
        0.0,
    );
    let window = Window {
        padding: Padding::Same,
        ..Window::square(3, 2, 0)
    };
    let operator = Operator::Convolution { window, groups: 4 };
    check(
        "depthwise_same",
        &single(MAP, operator, &[("c.weight", &[4, 1, 3, 3])]),
        &IMAGE,
        0.0,
    );
}

#[test]
fn operators_of_maps_equal_pytorchs() {
    let mut b = Builder::new(MAP);
    b.batch_norm("bn", Builder::INPUT, 4, 1e-3);
    let norm = b.finish().unwrap();
    let declared = norm
        .declarations()
        .iter()
        .map(|d| vizsla_training::Declaration {
            initial: Initial::Values(parameter(&d.name, &d.shape).into()),
            ..d.clone()
        });
    let norm = Network::new(norm.input(), norm.nodes().to_vec(), declared.collect()).unwrap();
    check("batch_norm", &norm, &IMAGE, 0.0);
    let window = Window::square(3, 2, 1);
    for (name, operator) in [
        ("relu", Operator::Relu),
        ("clip", Operator::Clip { min: 0.0, max: 0.5 }),
        ("max_pool", Operator::MaxPool { window }),
        (
            "average_pool",
            Operator::AveragePool {
                window,
                count_padding: false,
            },
        ),
        ("global_average", Operator::GlobalAverage),
        ("global_max", Operator::GlobalMax),
    ] {
        check(name, &single(MAP, operator, &[]), &IMAGE, 0.0);
    }
}

#[test]
fn poolings_equal_pytorchs() {
    let wide = Kind::Map { channels: 3 };
    let mut b = Builder::new(wide);
    let p = b.parameter("p", &[1], Initial::Constant(2.5));
    b.node(
        "gem",
        Operator::Gem { epsilon: 1e-6 },
        &[Builder::INPUT],
        &[p],
    );
    check("gem", &b.finish().unwrap(), &[2, 3, 6, 8], 0.7);
    check(
        "r_mac",
        &single(wide, Operator::RMac { levels: 3 }, &[]),
        &[2, 3, 6, 8],
        0.7,
    );
    let parameters: [(&str, &[usize]); 3] = [
        ("n.assignment", &[2, 3]),
        ("n.bias", &[2]),
        ("n.centres", &[2, 3]),
    ];
    check(
        "netvlad",
        &single(wide, Operator::NetVlad, &parameters),
        &[2, 3, 6, 8],
        0.7,
    );
}

#[test]
fn operators_of_vectors_equal_pytorchs() {
    let rows = Kind::Vectors { dimension: 6 };
    let linear = single(
        rows,
        Operator::Linear,
        &[("l.weight", &[5, 6]), ("l.bias", &[5])],
    );
    check("linear", &linear, &[3, 6], 0.0);
    check(
        "l2",
        &single(rows, Operator::L2Normalise, &[]),
        &[3, 6],
        0.0,
    );
}

#[test]
fn poolings_equal_those_that_describe_collections() {
    let (height, width) = (5, 8);
    let data = numbers("map", 4 * height * width, 2.0, 0.6);
    let centres = numbers("centres", 12, 1.0, 0.0);
    let netvlad = NetVlad::from_parts(4, 3.0, centres).unwrap();
    let map = vizsla_neural::FeatureMap::new(4, height, width, data.clone()).unwrap();
    let poolings = ["spoc", "mac", "gem:3", "r_mac:3", "spoc|mac|gem:2"]
        .map(|name| name.parse::<Pooling>().unwrap());
    for chosen in poolings
        .into_iter()
        .chain([Pooling::NetVlad(netvlad.into())])
    {
        let mut expected = chosen.pool(&map);
        vizsla_vectors::l2_normalise(&mut expected);
        let network = pooling(&chosen, 4).unwrap();
        assert_eq!(network.dimension(), chosen.dimension(4));
        let value = Value::map(data.clone(), [1, 4, height, width], &device()).unwrap();
        let parameters = Parameters::initial(&network, 0, &device());
        let found = network
            .forward(&parameters, value, Mode::Eval)
            .unwrap()
            .numbers()
            .unwrap();
        close(&chosen.to_string(), &found, &expected, 1e-5);
    }
    let error = pooling(&Pooling::Crow, 4).unwrap_err().to_string();
    assert!(error.contains("cannot be 'crow'; choose mac"), "{error}");
}

#[test]
fn dropout_repeats_by_its_seed_and_rests_outside_of_training() {
    let network = single(
        Kind::Vectors { dimension: 400 },
        Operator::Dropout { rate: 0.25 },
        &[],
    );
    let parameters = Parameters::initial(&network, 0, &device());
    let run = |mode| {
        let value = Value::vectors(vec![1.0; 400], [1, 400], &device()).unwrap();
        network
            .forward(&parameters, value, mode)
            .unwrap()
            .numbers()
            .unwrap()
    };
    assert_eq!(run(Mode::Eval), vec![1.0; 400]);
    let masked = run(Mode::Train { seed: 3 });
    assert_eq!(masked, run(Mode::Train { seed: 3 }));
    assert_ne!(masked, run(Mode::Train { seed: 4 }));
    let kept = masked.iter().filter(|&&x| x > 0.0).count();
    assert!((270..330).contains(&kept), "{kept}");
    assert!(
        masked
            .iter()
            .all(|&x| x == 0.0 || (x - 4.0 / 3.0).abs() < 1e-6)
    );
}
