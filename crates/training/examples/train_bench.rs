//! One training step again and again, for `benches/train/run.py`.
//!
//! `train_bench head|mobilenet THREADS INPUT OUTPUT`: the head is 768 → 512 → 256 on a batch of 256 vectors, the other
//! MobileNet v1 0.75 with SPoC on 32 images of 160 px. Each step is a forward pass, triplets (i, i + 1, i + 2) with squared
//! distances, the backward pass and AdamW. Weights come from `INPUT.weights` by the order of declaration, so that both
//! programs compute the same; the gradient of the first step is written to OUTPUT. Then each line on standard input is a
//! number of steps, answered by the nanoseconds that each took.

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

use burn::tensor::Tensor;
use vizsla_neural::Pooling;
use vizsla_training::{
    Builder, Compute, Distance, Kind, Mode, Network, Operator, Optimiser, OptimiserConfig,
    Parameters, Triplet, Value, head, mobilenet_v1, plain_backward, pooling, triplet,
};

fn floats(path: &str) -> Result<Vec<f32>, Box<dyn Error>> {
    let bytes = fs_err::read(path)?;
    let (chunks, _) = bytes.as_chunks::<4>();
    Ok(chunks.iter().map(|c| f32::from_le_bytes(*c)).collect())
}

fn network(name: &str) -> Result<(Network, Vec<usize>), Box<dyn Error>> {
    if name == "mobilenet" {
        let network = mobilenet_v1(0.75)?.then("pooling.", pooling(&Pooling::Spoc, 768)?)?;
        return Ok((network, vec![32, 3, 160, 160]));
    }
    let mut length = Builder::new(Kind::Vectors { dimension: 256 });
    length.node("length", Operator::L2Normalise, &[Builder::INPUT], &[]);
    let network = head(&[768, 512, 256], 0.0)?.then("", length.finish()?)?;
    Ok((network, vec![256, 768]))
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, threads, input, output] = arguments.as_slice() else {
        return Err("train_bench head|mobilenet THREADS INPUT OUTPUT".into());
    };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.parse()?)
        .build_global()?;
    let device = Compute::Cpu.device()?;
    let (network, shape) = network(name)?;
    let mut parameters = Parameters::initial(&network, 1, &device);
    let weights = floats(&format!("{input}.weights"))?;
    let mut start = 0;
    for place in 0..parameters.len() {
        let count = parameters.entries()[place].value.dims()[0];
        let part = weights.get(start..start + count).ok_or("too few weights")?;
        parameters.set(place, Tensor::from_floats(part, &device))?;
        start += count;
    }
    let numbers = floats(input)?;
    let value = match *shape.as_slice() {
        [n, c, h, w] => Value::map(numbers, [n, c, h, w], &device)?,
        _ => Value::vectors(numbers, [shape[0], shape[1]], &device)?,
    };
    let count = shape[0];
    let triplets: Vec<Triplet> = (0..count)
        .map(|anchor| Triplet {
            anchor,
            positive: (anchor + 1) % count,
            negative: (anchor + 2) % count,
        })
        .collect();
    let trained: Vec<usize> = (0..parameters.len())
        .filter(|&p| parameters.is_trained(p))
        .collect();
    let mut optimiser = Optimiser::new(&OptimiserConfig::default(), trained.len())?;
    let mut first = None;
    let mut step = |parameters: &mut Parameters| -> Result<(), Box<dyn Error>> {
        let values: Vec<Tensor<1>> = trained
            .iter()
            .map(|&p| parameters.entries()[p].value.clone())
            .collect();
        let forward = |leaves: &[Tensor<1>]| {
            let mut parameters = parameters.clone();
            for (&place, leaf) in trained.iter().zip(leaves) {
                parameters.set(place, leaf.clone())?;
            }
            network
                .forward(&parameters, value.clone(), Mode::Eval)?
                .into_vectors()
        };
        let loss = |rows| triplet(rows, &triplets, Distance::SquaredEuclidean, 0.3);
        let backward = plain_backward(&values, forward, loss)?;
        if first.is_none() {
            let mut bytes = backward.loss.to_le_bytes().to_vec();
            for gradient in backward.gradients.iter().flatten() {
                let numbers = gradient.clone().try_into_vec_as::<f32>()?;
                bytes.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
            }
            fs_err::write(output, bytes)?;
            first = Some(());
        }
        for (index, (value, gradient)) in values.into_iter().zip(backward.gradients).enumerate() {
            if let Some(gradient) = gradient {
                let value = optimiser.step(1e-3, index, value, gradient)?;
                parameters.set(trained[index], value)?;
            }
        }
        Ok(())
    };
    step(&mut parameters)?;
    println!("Vizsla {}, {threads} threads", env!("CARGO_PKG_VERSION"));
    for line in std::io::stdin().lock().lines() {
        let mut times = Vec::new();
        for _ in 0..line?.trim().parse::<usize>()? {
            let begin = Instant::now();
            step(&mut parameters)?;
            times.push(begin.elapsed().as_nanos().to_string());
        }
        println!("{}", times.join(" "));
        std::io::stdout().flush()?;
    }
    Ok(())
}
