"""The same training and decoding in PyTorch, for examples/bench.rs.

Prints tokens per second and per CPU second of training with AdamW, training with Muon (0 where torch has none),
decoding 1 row and decoding 256 rows with a KV cache. Arguments: width layers heads context vocabulary batch mlp steps.
Measured with the versions in requirements.txt; only torch is needed here.
"""

import sys
import time

import torch
import torch.nn.functional as F

WIDTH, LAYERS, HEADS, CONTEXT, VOCABULARY, BATCH, MLP, STEPS = map(int, sys.argv[1:9])
WARM_UP = 4
HEAD = WIDTH // HEADS


def rope_tables():
    frequencies = 10_000.0 ** (-torch.arange(0, HEAD, 2) / HEAD)
    angles = torch.outer(torch.arange(CONTEXT), frequencies)
    return torch.cat([angles, angles], -1).cos(), torch.cat([angles, angles], -1).sin()


COS, SIN = rope_tables()


def rotate(x, first):
    length = x.shape[-2]
    a, b = x.chunk(2, -1)
    return x * COS[first : first + length] + torch.cat([-b, a], -1) * SIN[first : first + length]


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        linear = lambda i, o: torch.nn.Linear(i, o, bias=False)
        self.norm1, self.norm2 = torch.nn.RMSNorm(WIDTH), torch.nn.RMSNorm(WIDTH)
        self.q_norm, self.k_norm = torch.nn.RMSNorm(HEAD), torch.nn.RMSNorm(HEAD)
        self.qkv, self.o = linear(WIDTH, 3 * WIDTH), linear(WIDTH, WIDTH)
        self.gate_up, self.down = linear(WIDTH, 2 * MLP), linear(MLP, WIDTH)

    def forward(self, x, cache=None):
        batch, length, _ = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, length, 3, HEADS, HEAD).permute(2, 0, 3, 1, 4)
        first = 0 if not cache else cache[0].shape[2]
        q, k = rotate(self.q_norm(q), first), rotate(self.k_norm(k), first)
        if cache is not None:
            if cache:
                k, v = torch.cat([cache[0], k], 2), torch.cat([cache[1], v], 2)
            cache[:] = [k, v]
        out = F.scaled_dot_product_attention(q, k, v, is_causal=first == 0)
        x = x + self.o(out.transpose(1, 2).reshape(batch, length, WIDTH))
        gate, up = self.gate_up(self.norm2(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(VOCABULARY, WIDTH)
        self.blocks = torch.nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = torch.nn.RMSNorm(WIDTH)

    def forward(self, ids, caches=None):
        x = self.embedding(ids)
        for i, block in enumerate(self.blocks):
            x = block(x, None if caches is None else caches[i])
        return self.norm(x if caches is None else x[:, -1:]) @ self.embedding.weight.T


def now():
    return time.perf_counter(), time.process_time()


def rates(tokens, begin):
    end = now()
    return tokens / (end[0] - begin[0]), tokens / (end[1] - begin[1])


def newton_schulz_f32(grad, ns_coefficients, ns_steps, eps):
    """Muon's iteration in float32: PyTorch's is in bfloat16, which processors without AVX512-BF16 emulate."""
    a, b, c = ns_coefficients
    x = grad.T if grad.size(0) > grad.size(1) else grad
    x = x / x.norm().clamp(min=eps)
    for _ in range(ns_steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if grad.size(0) > grad.size(1) else x


def best_muon():
    """Muon in its faster form on this processor."""
    if not hasattr(torch.optim, "Muon"):
        return 0.0, 0.0
    module = sys.modules[torch.optim.Muon.__module__]
    both = [training(True)]
    module._zeropower_via_newtonschulz = newton_schulz_f32
    both.append(training(True))
    return max(both, key=lambda rate: rate[1])


def training(muon):
    torch.manual_seed(1)
    model = Model()
    hidden = [p for b in model.blocks for p in b.parameters() if p.ndim == 2]
    chosen = {id(p) for p in hidden}
    others = [p for p in model.parameters() if not muon or id(p) not in chosen]
    optimizers = [torch.optim.AdamW(others, lr=1e-3, weight_decay=0.05)]
    if muon:
        optimizers.append(torch.optim.Muon(hidden, lr=0.02, weight_decay=0.05))
    ids = torch.randint(VOCABULARY, (STEPS, BATCH, CONTEXT + 1))
    for step in range(STEPS):
        if step == WARM_UP:
            begin = now()
        loss = F.cross_entropy(model(ids[step, :, :-1]).flatten(0, 1), ids[step, :, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    return rates((STEPS - WARM_UP) * BATCH * CONTEXT, begin)


@torch.inference_mode()
def decoding(rows):
    model = Model().eval()
    begin, tokens = now(), 0
    while time.perf_counter() - begin[0] < 0.5:
        caches = [[] for _ in range(LAYERS)]
        ids = torch.tensor([[1, 2, 3, 4]]).repeat(rows, 1)
        for _ in range(CONTEXT - 4):
            ids = torch.multinomial(model(ids, caches)[:, -1].softmax(-1), 1)
        tokens += rows * (CONTEXT - 4)
    return rates(tokens, begin)


print(*training(False), *best_muon(), *decoding(1), *decoding(256))
