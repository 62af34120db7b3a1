import cluster, { type Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { CountsForWorkers } from './authentication/shared-limits.js';
import { WorkerFigures } from './health/worker-figures.js';
import { WorkerFindings } from './health/worker-findings.js';
import type { Findings } from './health/worker-readiness.js';
import type { RunningEnv } from './platform/config/env.js';
import { logLevelOf } from './platform/config/log-level.js';
import { Link } from './platform/workers/link.js';
import { RestartPauses } from './platform/workers/restart-pauses.js';
import { silentTicks, TICK_MS } from './platform/workers/silent-ticks.js';
import {
  DO_JOBS,
  FAILED,
  CHANGE_LEVEL,
  HURRY,
  LEVEL,
  SHOW_LEVEL,
  LEAVING,
  LISTENING,
  MADE,
  START,
  STOP,
  type StartFailure,
} from './platform/workers/topics.js';
import { closeUntakenConnections } from './platform/workers/untaken-connections.js';
import type { Shutdown } from './shutdown.js';
import { WorkersFailed } from './start-failure.js';

/** Milliseconds within which a signal that is sent to all processes at once has come to all of them. */
const ALL_AT_ONCE_MS = 200;
/** How often in a row workers may fail to start in the place of others. */
const FAILED_STARTS = 5;

/** A worker process, from its start to its end. */
interface Member {
  readonly number: number;
  readonly process: Worker;
  readonly link: Link;
  state: 'starting' | 'listening' | 'leaving';
  listeningSince: number | null;
  ports: readonly number[];
  failure: StartFailure | null;
  silentTicks: number;
}

/** What the workers are started with. */
export interface Lead {
  readonly env: RunningEnv;
  readonly logger: Logger;
  readonly shutdown: Shutdown;
  /** Whether the first of them makes the demo zone. */
  readonly introduce: boolean;
}

/**
 * The primary process of several workers, which answer requests (`worker.ts`). It answers none: it starts them, starts
 * another where one has ended, stops them, and has what there is one of for all: counts against callers, the sum of
 * figures, and who does the jobs in the background.
 */
export class Primary {
  private readonly members = new Map<number, Member>();
  private readonly counts = new CountsForWorkers();
  private readonly figures = new WorkerFigures();
  private readonly findings = new WorkerFindings();
  private readonly pauses = new RestartPauses();
  /** The worker that has the jobs. */
  private jobsAt: Member | null = null;
  private failedStarts = 0;
  private started: {
    readonly resolve: (ports: readonly number[]) => void;
    readonly reject: (e: Error) => void;
  } | null = null;
  private stopped: (() => void) | null = null;
  private readonly timer = setInterval(() => this.tick(), TICK_MS);

  constructor(private readonly lead: Lead) {}

  /**
   * Starts the workers.
   *
   * @returns the ports, when all of them listen
   * @throws {WorkersFailed} as soon as one cannot
   */
  start(): Promise<readonly number[]> {
    cluster.schedulingPolicy = cluster.SCHED_RR;
    cluster.setupPrimary({
      exec: fileURLToPath(new URL('./main.js', import.meta.url)),
      serialization: 'advanced',
    });
    logLevelOf(this.lead.logger).follow((level) => {
      for (const { link } of this.members.values()) link.tell(LEVEL, level);
    });
    this.lead.shutdown.add((abort) => this.stop(abort));
    // One that is stuck does not see that this process is gone.
    process.once('exit', () => {
      for (const member of this.members.values()) member.process.process.kill('SIGKILL');
    });
    const { workers } = this.lead.env;
    for (let number = 1; number <= workers; number += 1) this.fork(number);
    return new Promise((resolve, reject) => (this.started = { resolve, reject }));
  }

  private fork(number: number): void {
    const process = cluster.fork();
    closeUntakenConnections(process.process);
    const link = new Link((message) => {
      if (process.isConnected()) process.send(message, undefined, undefined, () => {});
    });
    const member: Member = {
      number,
      process,
      link,
      state: 'starting',
      listeningSince: null,
      ports: [],
      failure: null,
      silentTicks: 0,
    };
    this.members.set(number, member);
    const isListening = (): boolean => member.state === 'listening';
    const ends = [
      this.counts.serve(link),
      this.figures.serve(link),
      this.findings.serve({ number, link, isListening }, (unfit) => this.onFound(member, unfit)),
    ];
    this.serve(member);
    process.on('message', (message) => link.receive(message));
    // What cannot be sent is to a process that has ended, which 'exit' tells.
    process.on('error', () => {});
    process.on('exit', (code, signal) => {
      link.close();
      for (const end of ends) end();
      this.onExit(member, code, signal);
    });
  }

  private serve(member: Member): void {
    const { link, number } = member;
    const { env } = this.lead;
    const level = logLevelOf(this.lead.logger);
    link.answer(SHOW_LEVEL, () => level.show());
    link.answer(CHANGE_LEVEL, (wanted) => level.change(wanted));
    link.answer(START, () => ({
      env: { ...env, logLevel: level.show().level },
      number,
      introduce: this.lead.introduce && number === 1 && this.started !== null,
      made: !this.lead.introduce || this.started === null,
    }));
    link.answer(LISTENING, (ports) => this.onListening(member, ports));
    link.answer(LEAVING, async () => {
      member.state = 'leaving';
      // What was sent to all processes at once comes to this one as well, on a busy machine a moment later.
      await sleep(ALL_AT_ONCE_MS);
      return { drain: this.lead.shutdown.stopping };
    });
    link.answer(FAILED, (failure) => {
      member.failure = failure;
      return null;
    });
  }

  private onListening(member: Member, ports: readonly number[]): void {
    if (member.state === 'starting') member.state = 'listening';
    member.listeningSince = performance.now();
    member.ports = ports;
    this.failedStarts = 0;
    this.giveJobs();
    const { started } = this;
    if (started === null) {
      this.lead.logger.info({ number: member.number }, 'a worker has taken the place of another');
      return;
    }
    if ([...this.members.values()].some(({ listeningSince }) => listeningSince === null)) return;
    this.started = null;
    // One that is gone meanwhile makes nothing unready.
    const told = [...this.members.values()].map(({ link }) => link.ask(MADE, null));
    void Promise.allSettled(told).then(() => started.resolve(ports));
  }

  private onFound(member: Member, unfit: Findings | null): void {
    member.silentTicks = 0;
    if (unfit === null) return;
    this.lead.logger.warn(
      { number: member.number, findings: unfit },
      'a worker cannot serve while another can: it is replaced',
    );
    member.state = 'leaving';
    member.link.tell(STOP, { drain: false });
  }

  private giveJobs(): void {
    if (this.jobsAt !== null || this.lead.shutdown.stopping) return;
    const next = [...this.members.values()].find(({ state }) => state === 'listening');
    if (next === undefined) return;
    this.jobsAt = next;
    next.link.tell(DO_JOBS, null);
  }

  private onExit(member: Member, code: number | null, signal: string | null): void {
    const { number, failure } = member;
    this.members.delete(number);
    if (this.jobsAt === member) this.jobsAt = null;
    this.giveJobs();
    if (this.lead.shutdown.stopping) {
      if (this.members.size === 0) this.stopped?.();
      return;
    }
    const how = signal === null ? `exit code ${code}` : signal;
    const text = failure?.text ?? `a worker has ended before it could answer requests: ${how}`;
    const failed = new WorkersFailed(text, code === null || code === 0 ? 1 : code);
    if (this.started !== null) {
      this.started.reject(failed);
      return;
    }
    if (member.listeningSince === null && failure?.passing !== true) {
      this.failedStarts += 1;
      if (this.failedStarts >= FAILED_STARTS) {
        this.lead.logger.error({ number, reason: text }, 'no worker can be started any more');
        process.stderr.write(`${text}\n`);
        this.lead.shutdown.begin(failed.exitCode, { drain: true });
        return;
      }
    }
    const pauseMs = this.pauses.before(number, member.listeningSince);
    const level = member.state === 'leaving' ? 'info' : 'error';
    const reason = failure === null ? {} : { reason: failure.text };
    this.lead.logger[level]({ number, how, pauseMs, ...reason }, 'a worker has ended');
    setTimeout(() => {
      if (!this.lead.shutdown.stopping) this.fork(number);
    }, pauseMs);
  }

  /** Ends workers that are stuck. Counted in ticks of this process, so that none seems so after both were stopped. */
  private tick(): void {
    const { limits, stopSeconds } = this.lead.env;
    for (const member of this.members.values()) {
      if (member.state === 'starting') continue;
      member.silentTicks += 1;
      // One that leaves says nothing more, and ends in time unless it is stuck.
      const ms = member.state === 'leaving' ? stopSeconds * 1_000 : limits.checkMs;
      if (member.silentTicks < silentTicks(ms)) continue;
      this.lead.logger.error({ number: member.number }, 'a worker is stuck: it is ended');
      member.process.process.kill('SIGKILL');
    }
  }

  private async stop(abort: AbortSignal): Promise<void> {
    clearInterval(this.timer);
    if (this.members.size === 0) return;
    const stopped = new Promise<void>((resolve) => (this.stopped = resolve));
    for (const { link, state, process } of this.members.values()) {
      // One that has not begun to answer has nothing to finish.
      if (state === 'starting') process.process.kill('SIGKILL');
      else link.tell(STOP, { drain: true });
    }
    const hurry = (): void => {
      for (const { link } of this.members.values()) link.tell(HURRY, null);
    };
    abort.addEventListener('abort', hurry);
    await stopped;
  }
}
