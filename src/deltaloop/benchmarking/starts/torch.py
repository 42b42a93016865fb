"""Autograd, one step per sample."""

from time import perf_counter

begin = perf_counter()
import torch  # noqa: E402

imported = perf_counter() - begin

torch.set_num_threads(1)
X, Y = torch.randn(1000, 1, 4), torch.rand(1000, 1, 1)
net = torch.nn.Sequential(
    torch.nn.Linear(4, 4), torch.nn.Sigmoid(),
    torch.nn.Linear(4, 4), torch.nn.Sigmoid(),
    torch.nn.Linear(4, 1),
)  # fmt: skip
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for x, y in zip(X, Y, strict=True):
    optimizer.zero_grad()
    loss = 0.5 * ((net(x) - y) ** 2).sum()
    loss.backward()
    optimizer.step()

print(imported, flush=True)
input()  # waits until its memory has been looked at
