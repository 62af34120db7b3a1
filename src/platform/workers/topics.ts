import type { RunningEnv } from '../config/env.js';
import type { LevelState, WantedLevel } from '../config/log-level.js';
import { Topic } from './link.js';

/** What a worker starts with. */
export interface WorkerStart {
  readonly env: RunningEnv;
  /** Which of the workers it is, from 1. One that takes the place of another has its number. */
  readonly number: number;
  /** Whether it is to make the demo zone, and to say how it is used. */
  readonly introduce: boolean;
  /** Whether all that the start makes is there, or will be as soon as this worker listens. */
  readonly made: boolean;
}

/** Why a worker could not start. */
export interface StartFailure {
  readonly text: string;
  /** Whether it may well start later as it is, since what is missing is the database, or what keeps the keys. */
  readonly passing: boolean;
}

/** What a worker asks its primary process first. */
export const START = new Topic<null, WorkerStart>('start');
/** That a worker answers requests, on these ports. */
export const LISTENING = new Topic<readonly number[], void>('listening');
/** That all that the start makes is there. */
export const MADE = new Topic<null, null>('made');
/** That a worker ends, because it could not start. */
export const FAILED = new Topic<StartFailure, null>('failed');
/** That a worker was told to stop by itself, and is to be replaced. The answer: whether all stop, and it drains with them. */
export const LEAVING = new Topic<null, { readonly drain: boolean }>('leaving');

/** That a worker is to stop; `drain`: it goes on accepting requests for a while, since all of them stop. */
export const STOP = new Topic<{ readonly drain: boolean }, void>('stop');
/** That it is not to wait for anything on the way. */
export const HURRY = new Topic<null, void>('hurry');
/** That it is the one of all workers that does the jobs in the background. */
export const DO_JOBS = new Topic<null, void>('jobs');

/** What the log level of all processes is. */
export const SHOW_LEVEL = new Topic<null, LevelState>('show level');
/** That the log level of all processes is to be another one. */
export const CHANGE_LEVEL = new Topic<WantedLevel, LevelState>('change level');
/** The level that a worker logs at from now on. */
export const LEVEL = new Topic<string, void>('level');
