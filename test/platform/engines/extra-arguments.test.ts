import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refusedArguments } from "../../../platform/engines/extra-arguments.ts";

const reserved = {
  host: "is always 0.0.0.0: the Service sends there",
  "max-num-seqs": "follows from maxBatchSize",
  "max-num-batched-tokens": "follows from the plan",
  config: "could set any of the others",
  "enable-prefix-caching": "is the key prefixCaching",
  "data-parallel-*": "is not planned",
};
const reasons = (...args: string[]) => refusedArguments(args, reserved).map(({ reason }) => reason);

describe("extra arguments of an engine", () => {
  test("pass where they are flags in full, with or without a value", () => {
    expect(
      reasons(
        "--enable-log-requests",
        "--seed=7",
        '--speculative-config={"method": "ngram"}',
        "--compilation-config.mode=3",
        "--compilation-config.sizes+=4",
        "--empty=",
        "--text=several words\nand lines --host=x",
      ),
    ).toEqual([]);
  });

  test("are refused with the reason where the contract sets them", () => {
    expect(refusedArguments(["--seed=1", "--host=127.0.0.1"], reserved)).toEqual([
      {
        index: 1,
        argument: "--host=127.0.0.1",
        reason: "sets what is always 0.0.0.0: the Service sends there",
      },
    ]);
  });

  test.each([
    "--max-num-seqs=4",
    "--max_num_seqs=4",
    "--max_num-seqs",
    "--no-max-num-seqs",
    "--no_max_num_seqs",
    "--max-num-seqs.x=1",
    "--max-num-seqs+=1",
  ])("are the same flag in every way to write it: %s", (argument) => {
    expect(reasons(argument)).toEqual(["sets what follows from maxBatchSize"]);
  });

  test("are refused where a parser that completes names could take them for a reserved one", () => {
    expect(reasons("--max-num-s=4")).toEqual([
      "can be read as --max-num-seqs, which follows from maxBatchSize",
    ]);
    expect(reasons("--conf=/tmp/x.yaml")).toEqual([
      "can be read as --config, which could set any of the others",
    ]);
    expect(reasons("--no-enable-p")).toEqual([
      "can be read as --enable-prefix-caching, which is the key prefixCaching",
    ]);
  });

  test("are refused as a family where the contract reserves one", () => {
    expect(reasons("--data-parallel-size=2", "--data_parallel_size_local=1", "--data-parallel-rank")).toEqual(
      ["sets what is not planned", "sets what is not planned", "sets what is not planned"],
    );
    expect(reasons("--data-par=2")).toEqual(["can be read as --data-parallel-*, which is not planned"]);
    expect(reasons("--data-parallelism=2", "--database=2")).toEqual([]);
  });

  test("may begin like a reserved flag and go on differently", () => {
    expect(reasons("--config-format=mistral", "--host-name=x", "--max-num-seqs-x=1")).toEqual([]);
  });

  test.each(["-O3", "-tp=4", "-q", "-tp"])("are refused as short options: %s", (argument) => {
    expect(reasons(argument)).toEqual(["is a short option: expected its long form, --name or --name=value"]);
  });

  test.each(["value", "", "-", "/models/other", "a=b", " --seed=1"])(
    "are refused as values on their own, which could be read as the model: %j",
    (argument) => {
      expect(reasons(argument)).toEqual([
        "is no flag: expected a value in the same argument as its flag, --name=value",
      ]);
    },
  );

  test.each(["--", "---x", "--=x", "--a b", "--ä=1", "--$(X)=1"])(
    "are refused where no flag is: %j",
    (argument) => {
      expect(reasons(argument)).toEqual(["is no flag: expected --name or --name=value"]);
    },
  );

  test("never let through what Python's parser would take for a reserved flag", () => {
    const names = Object.keys(reserved).map((name) => name.replace("*", "size"));
    const spelling = fc
      .tuple(fc.constantFrom(...names), fc.nat(40), fc.array(fc.boolean(), { maxLength: 40 }), fc.boolean())
      .map(([name, length, underscores, negated]) => {
        const part = name.slice(0, 1 + (length % name.length));
        const spelled = [...part]
          .map((letter, at) => (letter === "-" && underscores[at] ? "_" : letter))
          .join("");
        return `--${negated ? "no-" : ""}${spelled}`;
      });
    fc.assert(
      fc.property(spelling, fc.option(fc.string(), { nil: undefined }), (name, value) => {
        const argument = value === undefined ? name : `${name}=${value}`;
        expect(refusedArguments([argument], reserved)).toHaveLength(1);
      }),
    );
  });

  test("let everything else through that is a flag, whatever its value", () => {
    const other = fc
      .stringMatching(/^[a-z][a-z0-9-]{0,20}$/)
      .filter(
        (name) =>
          !Object.keys(reserved).some(
            (own) => own.startsWith(name.replace(/^no-/, "")) || /^(?:no-)?data-parallel-/.test(name),
          ),
      );
    fc.assert(
      fc.property(other, fc.string(), (name, value) => {
        expect(refusedArguments([`--${name}`, `--${name}=${value}`], reserved)).toEqual([]);
      }),
    );
  });

  test("leave no argument that does not begin with two dashes", () => {
    fc.assert(
      fc.property(fc.string(), (argument) => {
        if (refusedArguments([argument], {}).length === 0) expect(argument).toMatch(/^--[A-Za-z0-9]/);
      }),
    );
  });
});
