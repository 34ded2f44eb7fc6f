"""Train the bundled network on scikit-learn's handwritten digits and write everything it needs.

    make train

Writes, beside this file: `digits.onnx` (under 200 kB), `calibration/` (128 unlabeled images from
the training split), `heldout/` and `heldout.csv` (360 images that neither training nor
calibration has seen, with labels).

The network has two shapes of convolution (3x3 and 1x1), batch normalization, one residual
addition, max pooling and a fully connected layer. Training takes about a minute on a CPU. It is
seeded, but PyTorch promises equal results only on equal versions and processors, so the committed
files are the reference, not a new run.
"""

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

HERE = Path(__file__).parent
SPLIT_SEED = 2026
TRAINING_SEED = 1
EPOCHS = 60
BATCH = 64
CALIBRATION_IMAGES = 128


class DigitsNet(nn.Module):
    """8x8 gray images to ten classes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 48, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(48)
        self.conv2 = nn.Conv2d(48, 48, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(48)
        self.conv3 = nn.Conv2d(48, 48, 1)
        self.classifier = nn.Linear(48 * 4 * 4, 10)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(0.3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        stem = self.relu(self.norm1(self.conv1(images)))
        block = self.relu(self.norm2(self.conv2(stem)) + stem)
        features = self.relu(self.conv3(self.dropout(self.pool(block))))
        return self.classifier(torch.flatten(features, 1))


def load_images() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return the 1797 images as 8-bit gray, `[N, 8, 8]`, and their labels."""
    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    return pixels, digits.target.astype(np.int64)


def train(network: DigitsNet, pixels: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]) -> None:
    """Fit the network, on images shifted by up to one pixel."""
    images = torch.from_numpy(pixels[:, None].astype(np.float32) / 255)
    targets = torch.from_numpy(labels)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    for _ in range(EPOCHS):
        network.train()
        for chosen in torch.randperm(len(images)).split(BATCH):
            down, right = torch.randint(-1, 2, (2,)).tolist()
            moved = torch.roll(images[chosen], (down, right), dims=(2, 3))
            loss = loss_of(network(moved), targets[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    network.eval()


def save_images(folder: Path, pixels: npt.NDArray[np.uint8]) -> list[str]:
    """Write one PNG per image and return the file names."""
    folder.mkdir(exist_ok=True)
    names = [f"{index:04d}.png" for index in range(len(pixels))]
    for name, image in zip(names, pixels, strict=True):
        Image.fromarray(image).save(folder / name)
    return names


def main() -> None:
    torch.manual_seed(TRAINING_SEED)
    pixels, labels = load_images()
    training, heldout, training_labels, heldout_labels = train_test_split(
        pixels, labels, test_size=360, random_state=SPLIT_SEED, stratify=labels
    )
    network = DigitsNet()
    train(network, training, training_labels)

    torch.onnx.export(
        network,
        (torch.zeros(1, 1, 8, 8),),
        HERE / "digits.onnx",
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
        do_constant_folding=False,
        training=torch.onnx.TrainingMode.PRESERVE,
        opset_version=17,
        dynamo=False,
    )
    save_images(HERE / "calibration", training[:CALIBRATION_IMAGES])
    names = save_images(HERE / "heldout", heldout)
    with (HERE / "heldout.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("file", "label"))
        writer.writerows(zip(names, heldout_labels, strict=True))

    with torch.no_grad():
        logits = network(torch.from_numpy(heldout[:, None].astype(np.float32) / 255))
    right = (logits.argmax(1).numpy() == heldout_labels).mean()
    print(f"top-1 on {len(heldout)} held-out images: {100 * right:.2f} %")


if __name__ == "__main__":
    main()
