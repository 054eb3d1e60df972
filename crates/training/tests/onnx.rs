//! Networks in and out of ONNX and safetensors: what is written runs without the training engine and gives the same.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

use support::{close, device, fill, numbers};
use vizsla_neural::{NetVlad, Pooling, RuntimeChoice, Session, SessionOptions, Tensor};
use vizsla_training::{
    Builder, Error, Kind, Mode, Network, Operator, Parameters, Value, Window, head, mobilenet_v1,
    pooling, resnet, whitening,
};
use vizsla_vectors::Projection;

const RTEN: SessionOptions = SessionOptions {
    runtime: RuntimeChoice::Rten,
    threads: 2,
};

fn trained(
    network: &Network,
    parameters: &Parameters,
    numbers: &[f32],
    shape: [usize; 4],
) -> Vec<f32> {
    let value = Value::map(numbers.to_vec(), shape, &device()).unwrap();
    network
        .forward(parameters, value, Mode::Eval)
        .unwrap()
        .numbers()
        .unwrap()
}

/// The model written and run by the runtime gives what the engine gives, at these sizes.
fn same(
    what: &str,
    network: &Network,
    parameters: &Parameters,
    side: Option<u32>,
    sizes: &[[usize; 2]],
) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    network.save_onnx(parameters, side, &path).unwrap();
    let session = Session::open(&path, &[], &RTEN).unwrap();
    let channels = network.input().width();
    for &[height, width] in sizes {
        let shape = [2, channels, height, width];
        let input = numbers(what, shape.iter().product(), 2.0, 0.1);
        let expected = trained(network, parameters, &input, shape);
        let tensor = Tensor::f32(&shape, input).unwrap();
        let found = session
            .run(&[("input", tensor)])
            .unwrap()
            .remove(0)
            .into_f32()
            .unwrap()
            .1;
        close(
            &format!("{what} at {height}x{width}"),
            &found,
            &expected,
            1e-4,
        );
    }
}

fn l2(dimension: usize) -> Network {
    let mut b = Builder::new(Kind::Vectors { dimension });
    b.node("l2", Operator::L2Normalise, &[Builder::INPUT], &[]);
    b.finish().unwrap()
}

#[test]
fn exported_networks_run_without_the_engine_and_give_the_same() {
    let samples = numbers("samples", 40 * 512, 1.0, 0.0);
    let projection = Projection::pca(&samples, 512, 16, true).unwrap();
    let gem: Pooling = "gem:3".parse().unwrap();
    let network = resnet(18)
        .unwrap()
        .then("", pooling(&gem, 512).unwrap())
        .unwrap();
    let network = network
        .then("", whitening(&projection).unwrap())
        .unwrap()
        .then("", l2(16))
        .unwrap();
    let backbone = fill(&resnet(18).unwrap());
    let parameters = Parameters::initial(&network, 0, &device())
        .with(&backbone)
        .unwrap();
    same(
        "resnet18+gem+whitening",
        &network,
        &parameters,
        None,
        &[[64, 64], [70, 97]],
    );

    let joined: Pooling = "spoc|mac".parse().unwrap();
    let network = mobilenet_v1(0.25)
        .unwrap()
        .then("pool.", pooling(&joined, 256).unwrap())
        .unwrap();
    let network = network
        .then("head.", head(&[512, 32, 8], 0.3).unwrap())
        .unwrap();
    let parameters = Parameters::initial(&network, 7, &device());
    same(
        "mobilenet+spoc|mac+head",
        &network,
        &parameters,
        None,
        &[[64, 64], [75, 50]],
    );
}

#[test]
fn every_pooling_and_operator_is_exported() {
    let mut b = Builder::new(Kind::Map { channels: 3 });
    let x = b.convolution(
        "conv",
        Builder::INPUT,
        (3, 6),
        Window::square(3, 2, 1),
        1,
        true,
    );
    let x = b.batch_norm("bn", x, 6, 1e-3);
    let y = b.node("clip", Operator::Clip { min: 0.0, max: 6.0 }, &[x], &[]);
    let window = Window::square(3, 2, 1);
    let a = b.node("max", Operator::MaxPool { window }, &[y], &[]);
    let c = b.node(
        "average",
        Operator::AveragePool {
            window,
            count_padding: true,
        },
        &[y],
        &[],
    );
    let sum = b.node("sum", Operator::Add, &[a, c], &[]);
    b.node("both", Operator::Concat, &[sum, a], &[]);
    let backbone = b.finish().unwrap();
    let netvlad = NetVlad::from_parts(12, 2.0, numbers("centres", 36, 1.0, 0.0)).unwrap();
    let poolings = ["spoc", "mac", "gem:2.5"].map(|name| name.parse::<Pooling>().unwrap());
    for chosen in poolings
        .into_iter()
        .chain([Pooling::NetVlad(netvlad.into())])
    {
        let network = backbone
            .clone()
            .then("", pooling(&chosen, 12).unwrap())
            .unwrap();
        let parameters = Parameters::initial(&network, 3, &device());
        same(
            &chosen.to_string(),
            &network,
            &parameters,
            None,
            &[[32, 32], [21, 40]],
        );
    }
    let regions: Pooling = "r_mac:3".parse().unwrap();
    let network = backbone.then("", pooling(&regions, 12).unwrap()).unwrap();
    let parameters = Parameters::initial(&network, 3, &device());
    same("r_mac", &network, &parameters, Some(45), &[[45, 45]]);
    let error = network.to_onnx(&parameters, None).unwrap_err().to_string();
    assert!(error.contains("give the side of its images"), "{error}");
    let error = network
        .to_onnx(&parameters, Some(1 << 20))
        .map(|bytes| bytes.len());
    assert!(error.is_ok());
}

#[test]
fn a_network_comes_back_out_of_its_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let network = mobilenet_v1(0.25).unwrap();
    let parameters = fill(&network);
    network.save_onnx(&parameters, None, &path).unwrap();
    let (again, read) = Network::from_onnx(&path, None, &device()).unwrap();
    assert_eq!(again.nodes(), network.nodes());
    let input = numbers("image", 3 * 40 * 56, 2.0, 0.0);
    let expected = trained(&network, &parameters, &input, [1, 3, 40, 56]);
    close(
        "again",
        &trained(&again, &read, &input, [1, 3, 40, 56]),
        &expected,
        1e-6,
    );
    let (part, _) = Network::from_onnx(&path, Some("conv_pw_1_relu"), &device()).unwrap();
    assert_eq!(part.dimension(), 16);
    assert_eq!(part.nodes().len(), 9);
    assert_eq!(
        network.to_onnx(&parameters, None).unwrap(),
        fs_err::read(&path).unwrap()
    );

    let weights = folder.path().join("weights.safetensors");
    parameters.save(&weights).unwrap();
    let stored = Parameters::open(&network, &weights, &device()).unwrap();
    close(
        "stored",
        &trained(&network, &stored, &input, [1, 3, 40, 56]),
        &expected,
        0.0,
    );
}

#[test]
fn a_network_splits_where_its_trained_part_begins() {
    let joined: Pooling = "spoc|gem:3".parse().unwrap();
    let network = mobilenet_v1(0.25)
        .unwrap()
        .then("", pooling(&joined, 256).unwrap())
        .unwrap();
    let mut parameters = Parameters::initial(&network, 1, &device());
    parameters.train_where(|name| name.ends_with("gem.p"));
    let cut = network.frozen(&parameters);
    let (before, behind) = network.split(cut).unwrap();
    let (before, behind) = (before.unwrap(), behind.unwrap());
    assert_eq!(before.nodes().last().unwrap().name, "conv_pw_13_relu");
    let input = numbers("image", 3 * 40 * 40, 2.0, 0.0);
    let map = trained(
        &before,
        &parameters.select(&before).unwrap(),
        &input,
        [1, 3, 40, 40],
    );
    let found = trained(
        &behind,
        &parameters.select(&behind).unwrap(),
        &map,
        [1, 256, 2, 2],
    );
    close(
        "split",
        &found,
        &trained(&network, &parameters, &input, [1, 3, 40, 40]),
        1e-6,
    );
    parameters.train_where(|_| true);
    assert_eq!(network.frozen(&parameters), 0);
    parameters.train_where(|_| false);
    assert_eq!(network.frozen(&parameters), network.nodes().len());
}

fn shared(name: &str) -> Option<PathBuf> {
    let data = std::env::var_os("VIZSLA_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = data.join(name);
    if !path.is_file() {
        eprintln!("skipped: {} is not here", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn a_published_mobilenet_is_read_up_to_its_last_map() {
    let Some(path) = shared("models/mobilenet_v1_0.75.onnx") else {
        return;
    };
    let (network, parameters) =
        Network::from_onnx(&path, Some("conv_pw_13_relu"), &device()).unwrap();
    assert_eq!(network.output(), Kind::Map { channels: 768 });
    assert_eq!(network.nodes(), mobilenet_v1(0.75).unwrap().nodes());
    let session = Session::open(&path, &["conv_pw_13_relu".to_owned()], &RTEN).unwrap();
    for [height, width] in [[64, 64], [65, 90]] {
        let shape = [1, 3, height, width];
        let input = numbers("image", 3 * height * width, 2.0, 0.0);
        let tensor = Tensor::f32(&shape, input.clone()).unwrap();
        let expected = session
            .run(&[("input", tensor)])
            .unwrap()
            .remove(0)
            .into_f32()
            .unwrap()
            .1;
        close(
            "mobilenet",
            &trained(&network, &parameters, &input, shape),
            &expected,
            1e-4,
        );
    }
    let error = Network::from_onnx(&path, None, &device())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("operator Softmax of node 'probabilities'"),
        "{error}"
    );
    assert!(
        error.contains("name a value before it as the output, such as"),
        "{error}"
    );
    let error = Network::from_onnx(&path, Some("conv_pw_13_rel"), &device())
        .unwrap_err()
        .to_string();
    assert!(error.contains("conv_pw_13_relu"), "{error}");
}

#[test]
fn what_cannot_be_read_is_named() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../neural/tests/models");
    let error =
        Network::from_onnx(&models.join("foreign_operator.onnx"), None, &device()).unwrap_err();
    assert!(matches!(error, Error::Operator { .. }), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cat.onnx");
    fs_err::write(&path, b"not a model at all").unwrap();
    let error = Network::from_onnx(&path, None, &device())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("this is not a model in ONNX format"),
        "{error}"
    );

    let network = head(&[4, 3, 2], 0.0).unwrap();
    let other = head(&[4, 5, 2], 0.0).unwrap();
    let parameters = Parameters::initial(&network, 0, &device());
    let bytes = parameters.to_safetensors().unwrap();
    let read = |network: &Network, bytes: &[u8]| {
        Parameters::from_safetensors(network, bytes, Path::new("w.safetensors"), &device())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        read(&other, &bytes),
        "parameter '0.weight' has shape 3x4, the network needs 5x4: w.safetensors"
    );
    let prefixed = l2(4).then("head.", head(&[4, 2], 0.0).unwrap()).unwrap();
    let error = read(&prefixed, &bytes);
    assert!(
        error.starts_with("there is no parameter 'head.0.weight' (the nearest are 0.weight"),
        "{error}"
    );
    assert!(
        read(&network, &bytes[..bytes.len() - 1])
            .starts_with("this is not a file in safetensors format")
    );
    assert!(read(&network, b"PK").starts_with("this is not a file in safetensors format"));

    let image = |side: usize| {
        Value::map(vec![0.0; 3 * side * side], [1, 3, side, side], &device()).unwrap()
    };
    let resnet = resnet(18).unwrap();
    let weights = Parameters::initial(&resnet, 0, &device());
    assert!(resnet.forward(&weights, image(1), Mode::Eval).is_ok());
    let error = resnet
        .forward(&parameters, image(32), Mode::Eval)
        .unwrap_err();
    assert!(matches!(error, Error::ParameterShape { .. }), "{error}");
    let value = Value::vectors(vec![0.0; 5], [1, 5], &device()).unwrap();
    let error = network
        .forward(&parameters, value, Mode::Eval)
        .unwrap_err()
        .to_string();
    assert!(error.contains("it takes vectors of 4 numbers"), "{error}");
    let error = head(&[4, 2], 0.0)
        .unwrap()
        .then("", head(&[3, 2], 0.0).unwrap())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("it takes vectors of 3 numbers, what comes before gives vectors of 2"),
        "{error}"
    );
}
