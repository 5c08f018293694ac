BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('64804dd50b35');
CREATE TABLE attempts (
	id INTEGER NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	learner_id INTEGER NOT NULL, 
	lesson_id VARCHAR(32) NOT NULL, 
	origin VARCHAR(16) NOT NULL, 
	source VARCHAR(16) NOT NULL, 
	checked_at DATETIME NOT NULL, 
	complete BOOLEAN NOT NULL, 
	passed INTEGER NOT NULL, 
	counted INTEGER NOT NULL, 
	report JSON NOT NULL, 
	CONSTRAINT pk_attempts PRIMARY KEY (id), 
	CONSTRAINT fk_attempts_learner_id_learners FOREIGN KEY(learner_id) REFERENCES learners (id) ON DELETE CASCADE, 
	CONSTRAINT uq_attempts_key UNIQUE ("key")
);
INSERT INTO "attempts" VALUES(1,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',1,'lesson-1','terminal','manifests','2026-11-24 12:00:00.000000',1,4,4,'{"lesson":"lesson-1","source":{"kind":"manifests"},"graded_at":"2026-11-24T12:00:00+00:00","complete":true,"passed":4,"counted":4,"objectives":[{"id":"namespace-exists","status":"passed"},{"id":"environment-label","status":"passed"},{"id":"app-label","status":"passed"},{"id":"context-namespace","status":"passed"}]}');
CREATE TABLE choices (
	learner_id INTEGER NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	value VARCHAR NOT NULL, 
	CONSTRAINT pk_choices PRIMARY KEY (learner_id, name), 
	CONSTRAINT fk_choices_learner_id_learners FOREIGN KEY(learner_id) REFERENCES learners (id) ON DELETE CASCADE
);
INSERT INTO "choices" VALUES(1,'context','kind-course');
CREATE TABLE hints_shown (
	id INTEGER NOT NULL, 
	learner_id INTEGER NOT NULL, 
	lesson_id VARCHAR(32) NOT NULL, 
	objective_id VARCHAR(64) NOT NULL, 
	number INTEGER NOT NULL, 
	shown_at DATETIME NOT NULL, 
	CONSTRAINT pk_hints_shown PRIMARY KEY (id), 
	CONSTRAINT fk_hints_shown_learner_id_learners FOREIGN KEY(learner_id) REFERENCES learners (id) ON DELETE CASCADE, 
	CONSTRAINT uq_hints_shown_learner_id UNIQUE (learner_id, lesson_id, objective_id, number)
);
INSERT INTO "hints_shown" VALUES(1,1,'lesson-1','namespace-exists',1,'2026-11-24 12:00:00.000000');
CREATE TABLE learners (
	id INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_learners PRIMARY KEY (id)
);
INSERT INTO "learners" VALUES(1,'','2026-11-24 12:00:00.000000');
CREATE TABLE objective_results (
	attempt_id INTEGER NOT NULL, 
	objective_id VARCHAR(64) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	CONSTRAINT pk_objective_results PRIMARY KEY (attempt_id, objective_id), 
	CONSTRAINT fk_objective_results_attempt_id_attempts FOREIGN KEY(attempt_id) REFERENCES attempts (id) ON DELETE CASCADE
);
INSERT INTO "objective_results" VALUES(1,'namespace-exists','passed');
INSERT INTO "objective_results" VALUES(1,'environment-label','passed');
INSERT INTO "objective_results" VALUES(1,'app-label','passed');
INSERT INTO "objective_results" VALUES(1,'context-namespace','passed');
CREATE TABLE quiz_answers (
	id INTEGER NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	learner_id INTEGER NOT NULL, 
	lesson_id VARCHAR(32) NOT NULL, 
	question_id VARCHAR(64) NOT NULL, 
	chosen JSON NOT NULL, 
	correct BOOLEAN NOT NULL, 
	answered_at DATETIME NOT NULL, 
	CONSTRAINT pk_quiz_answers PRIMARY KEY (id), 
	CONSTRAINT fk_quiz_answers_learner_id_learners FOREIGN KEY(learner_id) REFERENCES learners (id) ON DELETE CASCADE, 
	CONSTRAINT uq_quiz_answers_key UNIQUE ("key")
);
INSERT INTO "quiz_answers" VALUES(1,'q1',1,'lesson-1','x','[0,2]',0,'2026-11-24 12:00:00.000000');
CREATE TABLE readings (
	id INTEGER NOT NULL, 
	learner_id INTEGER NOT NULL, 
	lesson_id VARCHAR(32) NOT NULL, 
	anchor VARCHAR(200) NOT NULL, 
	seconds INTEGER NOT NULL, 
	read_at DATETIME NOT NULL, 
	CONSTRAINT pk_readings PRIMARY KEY (id), 
	CONSTRAINT fk_readings_learner_id_learners FOREIGN KEY(learner_id) REFERENCES learners (id) ON DELETE CASCADE, 
	CONSTRAINT uq_readings_learner_id UNIQUE (learner_id, lesson_id)
);
INSERT INTO "readings" VALUES(1,1,'lesson-1','summary',95,'2026-11-24 12:00:00.000000');
CREATE TABLE solutions_shown (
	id INTEGER NOT NULL, 
	learner_id INTEGER NOT NULL, 
	lesson_id VARCHAR(32) NOT NULL, 
	earned BOOLEAN NOT NULL, 
	shown_at DATETIME NOT NULL, 
	CONSTRAINT pk_solutions_shown PRIMARY KEY (id), 
	CONSTRAINT fk_solutions_shown_learner_id_learners FOREIGN KEY(learner_id) REFERENCES learners (id) ON DELETE CASCADE, 
	CONSTRAINT uq_solutions_shown_learner_id UNIQUE (learner_id, lesson_id)
);
INSERT INTO "solutions_shown" VALUES(1,1,'lesson-1',1,'2026-11-24 12:00:00.000000');
CREATE TABLE workspace_files (
	id INTEGER NOT NULL, 
	learner_id INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	content VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_workspace_files PRIMARY KEY (id), 
	CONSTRAINT fk_workspace_files_learner_id_learners FOREIGN KEY(learner_id) REFERENCES learners (id) ON DELETE CASCADE, 
	CONSTRAINT uq_workspace_files_learner_id UNIQUE (learner_id, name)
);
INSERT INTO "workspace_files" VALUES(1,1,'namespace.yaml','kind: Namespace # ü
',1,'2026-11-24 12:00:00.000000');
CREATE INDEX ix_attempts_checked_at ON attempts (checked_at);
CREATE INDEX ix_attempts_learner_id ON attempts (learner_id);
CREATE INDEX ix_attempts_lesson_id ON attempts (lesson_id);
CREATE INDEX ix_hints_shown_learner_id ON hints_shown (learner_id);
CREATE INDEX ix_quiz_answers_learner_id ON quiz_answers (learner_id);
CREATE INDEX ix_quiz_answers_lesson_id ON quiz_answers (lesson_id);
CREATE INDEX ix_readings_learner_id ON readings (learner_id);
CREATE INDEX ix_solutions_shown_learner_id ON solutions_shown (learner_id);
CREATE INDEX ix_workspace_files_learner_id ON workspace_files (learner_id);
COMMIT;
