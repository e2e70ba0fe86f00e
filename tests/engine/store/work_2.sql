BEGIN TRANSACTION;
CREATE TABLE "audit" (
   "seq" INTEGER PRIMARY KEY,
   "at" TEXT NOT NULL,
   "who" TEXT NOT NULL,
   "what" TEXT NOT NULL,
   "detail" TEXT NOT NULL,
   "previous" TEXT NOT NULL,
   "hash" TEXT NOT NULL
);
INSERT INTO "audit" VALUES(1,'2026-11-24T22:50:37.152321+00:00','ann','asked','{"rows":{"image 1":"8d095873b60318d2a0bd2e028e43b152e9b189a22eb9af1c5c40dd1ad9edc645","region 1":"ba03e0486c8b9577d5a52ba2c170faef9f753e4a6d0ef70f01ce851bd1a93947","series 1":"3c2a1e9876a5717da5afeac2d91e5987dc5d248ca1fb436c8043a0fe22cc657c","study 1":"2ff1092737ce3304ae70ef5ae767ee0a79527285687122bcda6d1df88146d3ec","suggestion 1":"5083563da18b48302bbb2cf565fbe73bca8307df27f0e783b902d4389258b12d"}}','0000000000000000000000000000000000000000000000000000000000000000','67feb900fe01ff05a897ef1f058d39d2e0a7efbfc18d02be120159a22c1d59f3');
INSERT INTO "audit" VALUES(2,'2026-11-24T22:50:37.153156+00:00','ann','accepted','{"rows":{"region 2":"2debd6c5b4c386ddec4f9cd54b214abe70b65923488a34cdf635dab736ecd50d","verdict 1":"e02d69427e6c32663d458818d9cb8673829db408c1ec20e8ece171b77db1294e"}}','67feb900fe01ff05a897ef1f058d39d2e0a7efbfc18d02be120159a22c1d59f3','886b87e93337b74294b254f787b4ceb20dbf68ba52331449594f99a36fed905e');
INSERT INTO "audit" VALUES(3,'2026-11-24T22:50:37.153894+00:00','ann','rejected','{"rows":{"region 3":"67851edbfff79952d155912855cc5e732ed786e17aa44b8adece0cdf82a17681","verdict 2":"c40d39a3b93b70572b7e7bf4640bd95edf6605505886eba90681826ac94bdf57"}}','886b87e93337b74294b254f787b4ceb20dbf68ba52331449594f99a36fed905e','d40bb8576566cc8d90d52f9f34f531d1eaf54c8e18b0f1015c003cc2a689d068');
INSERT INTO "audit" VALUES(4,'2026-11-24T22:50:37.154492+00:00','ann','restored','{"rows":{"region 4":"84c93b57bd6c4eb6abd23a17d6a234ec4a7a082121af7cdccff8ddebea9fcb13","verdict 3":"6bad6f5afb67d07d085a1a3b8067b2a85fc25939db421c371c2e36584ce0d009"}}','d40bb8576566cc8d90d52f9f34f531d1eaf54c8e18b0f1015c003cc2a689d068','37838b56fdc241313fe6ce09d98be1f8646ec1df11b44850377e68a44be0f003');
INSERT INTO "audit" VALUES(5,'2026-11-24T22:50:37.154991+00:00','bob','drew','{"rows":{"region 5":"889018d1efcd26ee6f090f28a24b3321b60bda8a0959f0777ac51866852583e1"}}','37838b56fdc241313fe6ce09d98be1f8646ec1df11b44850377e68a44be0f003','75813e9648d721df16b4d123fb5147f2212fd1168a2f87122dba7a829683bb17');
INSERT INTO "audit" VALUES(6,'2026-11-24T22:50:37.155447+00:00','model starter','answered','{"rows":{"suggestion 2":"4850b527258d9398f849c59930736bf8bd5053fd2e89d0c29dd32fd689a073cc"}}','75813e9648d721df16b4d123fb5147f2212fd1168a2f87122dba7a829683bb17','88721465752d00e9d5bdeaff1c8c610e0333a1db9951746c593d49ff6286fe77');
INSERT INTO "audit" VALUES(7,'2026-11-24T22:50:37.155938+00:00','bob','edited','{"rows":{"region 6":"64fd0e6e70794a16a16f54f1b4d0ed87b564c9072731f90bb2251f286ec26839","verdict 4":"ae65e21d912aa7f0448eccc65ded50af14d0a0f8c306fc92c7c0c97251513c31"}}','88721465752d00e9d5bdeaff1c8c610e0333a1db9951746c593d49ff6286fe77','2fc3d2661928f2451a97987a551b8ff5dc865c90e01911d7dfee2cd5ff2012eb');
INSERT INTO "audit" VALUES(8,'2026-11-24T22:50:37.156541+00:00','bob','suggested','{"rows":{"region 7":"d634d94ff72d42c42803c2544d4b183838345976da5c7684923ad7a754d538ac","suggestion 3":"16223eea7e328d58881019fa209ef717e144ecc061e4d80ce632848b5743aef0"}}','2fc3d2661928f2451a97987a551b8ff5dc865c90e01911d7dfee2cd5ff2012eb','c00b28da1a75d9a80c2a43ca6f9f18c4969a3917d6c44032ea0b4320d2efa378');
INSERT INTO "audit" VALUES(9,'2026-11-24T22:50:37.157906+00:00','bob','marked done','{"rows":{"scan_mark 1":"2d14245f6b1f9782f431bc57d94c1ebc0ad54dc08dffc62412716237ffa368f5"}}','c00b28da1a75d9a80c2a43ca6f9f18c4969a3917d6c44032ea0b4320d2efa378','b3f6ee5e9e5404e47c43c41ecb6df6af0cd2b6df63d5fc0f691c544213230d06');
CREATE TABLE "image" (
   "id" INTEGER PRIMARY KEY,
   "series_id" INTEGER NOT NULL REFERENCES "series"("id"),
   "plane" TEXT NOT NULL,
   "slice" INTEGER NOT NULL,
   "sop_instance_uid" TEXT,
   "width" INTEGER NOT NULL,
   "height" INTEGER NOT NULL
);
INSERT INTO "image" VALUES(1,1,'axial',7,'1.2.3.4',512,400);
CREATE TABLE "region" (
   "id" INTEGER PRIMARY KEY,
   "root_id" INTEGER REFERENCES "region"("id"),
   "supersedes_id" INTEGER REFERENCES "region"("id"),
   "image_id" INTEGER NOT NULL REFERENCES "image"("id"),
   "x1" REAL NOT NULL,
   "y1" REAL NOT NULL,
   "x2" REAL NOT NULL,
   "y2" REAL NOT NULL,
   "label_id" TEXT,
   "label_en" TEXT,
   "label_zh" TEXT,
   "state" TEXT NOT NULL,
   "origin" TEXT NOT NULL,
   "view_sha256" TEXT NOT NULL,
   "window_center" REAL,
   "window_width" REAL,
   "who" TEXT NOT NULL,
   "created" TEXT NOT NULL
);
INSERT INTO "region" VALUES(1,1,NULL,1,10.5,20.0,100.0,200.0,NULL,NULL,NULL,'drawn','person','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',40.0,400.0,'ann','2026-11-24T22:50:37.151663+00:00');
INSERT INTO "region" VALUES(2,1,1,1,10.5,20.0,100.0,200.0,'liver','liver','肝脏','accepted','person','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',40.0,400.0,'ann','2026-11-24T22:50:37.152972+00:00');
INSERT INTO "region" VALUES(3,1,2,1,10.5,20.0,100.0,200.0,'liver','liver','肝脏','rejected','person','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',40.0,400.0,'ann','2026-11-24T22:50:37.153745+00:00');
INSERT INTO "region" VALUES(4,1,3,1,10.5,20.0,100.0,200.0,'liver','liver','肝脏','accepted','person','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',40.0,400.0,'ann','2026-11-24T22:50:37.154363+00:00');
INSERT INTO "region" VALUES(5,5,NULL,1,1.0,2.0,3.0,4.0,NULL,NULL,NULL,'drawn','person','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',40.0,400.0,'bob','2026-11-24T22:50:37.154892+00:00');
INSERT INTO "region" VALUES(6,5,5,1,1.0,2.0,30.0,40.0,'','vein','','edited','person','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',40.0,400.0,'bob','2026-11-24T22:50:37.155816+00:00');
INSERT INTO "region" VALUES(7,7,NULL,1,10.5,20.0,100.0,200.0,'liver','liver','肝脏','suggested','model','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',40.0,400.0,'bob','2026-11-24T22:50:37.156305+00:00');
CREATE TABLE scan (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    series_uid TEXT NOT NULL,
    study_uid TEXT NOT NULL,
    patient INTEGER NOT NULL REFERENCES scan_patient(id),
    study_date TEXT NOT NULL,
    study_description TEXT NOT NULL,
    series_number INTEGER,
    modality TEXT NOT NULL,
    description TEXT NOT NULL,
    title_en TEXT NOT NULL,
    title_zh TEXT NOT NULL,
    rows INTEGER NOT NULL,
    columns INTEGER NOT NULL,
    slices INTEGER NOT NULL,
    start INTEGER NOT NULL,
    status TEXT NOT NULL,
    pinned INTEGER NOT NULL,
    missing INTEGER NOT NULL DEFAULT 0,
    removed INTEGER NOT NULL DEFAULT 0,
    opened TEXT,
    added TEXT NOT NULL,
    search TEXT NOT NULL,
    search_names TEXT NOT NULL,
    UNIQUE (path, series_uid)
);
INSERT INTO "scan" VALUES(1,'/scans/ct','1.2.3','1.2',1,'','',NULL,'CT','Abdomen','Abdomen','Abdomen',400,512,9,4,'done',0,0,0,NULL,'2026-11-24T22:50:37.157063+00:00','ct abdomen','ct');
CREATE TABLE scan_file (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    folder TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    scan_id INTEGER REFERENCES scan(id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    missing INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE scan_mark (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    series_uid TEXT NOT NULL,
    kind TEXT NOT NULL,
    who TEXT NOT NULL,
    created TEXT NOT NULL
);
INSERT INTO "scan_mark" VALUES(1,'/scans/ct','1.2.3','done','bob','2026-11-24T22:50:37.157816+00:00');
CREATE TABLE scan_patient (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    code TEXT NOT NULL,
    folder TEXT NOT NULL
);
INSERT INTO "scan_patient" VALUES(1,'folder:/scans','','','scans');
CREATE TABLE scan_thumbnail (
    scan_id INTEGER PRIMARY KEY REFERENCES scan(id) ON DELETE CASCADE,
    png BLOB NOT NULL
);
CREATE TABLE "series" (
   "id" INTEGER PRIMARY KEY,
   "study_id" INTEGER NOT NULL REFERENCES "study"("id"),
   "series_uid" TEXT NOT NULL,
   "source" TEXT NOT NULL,
   "modality" TEXT NOT NULL,
   "description" TEXT,
   "created" TEXT NOT NULL
);
INSERT INTO "series" VALUES(1,1,'1.2.3','/scans/ct','CT','','2026-11-24T22:50:37.151593+00:00');
CREATE TABLE "setting" (
   "key" TEXT PRIMARY KEY,
   "value" TEXT NOT NULL
);
INSERT INTO "setting" VALUES('answer_language','zh');
CREATE TABLE "study" (
   "id" INTEGER PRIMARY KEY,
   "study_uid" TEXT NOT NULL,
   "created" TEXT NOT NULL
);
INSERT INTO "study" VALUES(1,'1.2','2026-11-24T22:50:37.151529+00:00');
CREATE TABLE "suggestion" (
   "id" INTEGER PRIMARY KEY,
   "image_id" INTEGER NOT NULL REFERENCES "image"("id"),
   "region_root_id" INTEGER REFERENCES "region"("id"),
   "task" TEXT NOT NULL,
   "language" TEXT NOT NULL,
   "prompt" TEXT NOT NULL,
   "raw" TEXT NOT NULL,
   "text" TEXT,
   "parsed" TEXT,
   "candidates" TEXT,
   "abstained" INTEGER,
   "model_id" TEXT NOT NULL,
   "model_sha256" TEXT NOT NULL,
   "adapter" TEXT,
   "latency_ms" REAL,
   "view_sha256" TEXT,
   "window_center" REAL,
   "window_width" REAL,
   "created" TEXT NOT NULL
);
INSERT INTO "suggestion" VALUES(1,1,1,'region_to_text','en','what is <image> this?','liver','liver','[{"box":[10.5,20.0,100.0,200.0],"label":"liver","probability":0.9}]','[["liver","肝脏","liver",0.9]]',0,'starter','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',NULL,10.0,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',40.0,400.0,'2026-11-24T22:50:37.151906+00:00');
INSERT INTO "suggestion" VALUES(2,1,5,'region_to_text','en','what is <image> this?','liver','liver','[{"box":[10.5,20.0,100.0,200.0],"label":"liver","probability":0.9}]','[["liver","肝脏","liver",0.9]]',0,'starter','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',NULL,10.0,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',40.0,400.0,'2026-11-24T22:50:37.155345+00:00');
INSERT INTO "suggestion" VALUES(3,1,7,'region_to_text','en','what is <image> this?','liver','liver','[{"box":[10.5,20.0,100.0,200.0],"label":"liver","probability":0.9}]','[["liver","肝脏","liver",0.9]]',0,'starter','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',NULL,10.0,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',40.0,400.0,'2026-11-24T22:50:37.156423+00:00');
CREATE TABLE "verdict" (
   "id" INTEGER PRIMARY KEY,
   "region_id" INTEGER NOT NULL REFERENCES "region"("id"),
   "suggestion_id" INTEGER REFERENCES "suggestion"("id"),
   "kind" TEXT NOT NULL,
   "before" TEXT,
   "after" TEXT,
   "who" TEXT NOT NULL,
   "created" TEXT NOT NULL
);
INSERT INTO "verdict" VALUES(1,2,1,'accepted','{"box":[10.5,20.0,100.0,200.0],"label":null,"state":"drawn","suggested":{"label":["liver","liver","肝脏"],"probability":0.9}}','{"box":[10.5,20.0,100.0,200.0],"label":["liver","liver","肝脏"],"state":"accepted"}','ann','2026-11-24T22:50:37.152972+00:00');
INSERT INTO "verdict" VALUES(2,3,NULL,'rejected','{"box":[10.5,20.0,100.0,200.0],"label":["liver","liver","肝脏"],"state":"accepted"}','{"box":[10.5,20.0,100.0,200.0],"label":["liver","liver","肝脏"],"state":"rejected"}','ann','2026-11-24T22:50:37.153745+00:00');
INSERT INTO "verdict" VALUES(3,4,NULL,'restored','{"box":[10.5,20.0,100.0,200.0],"label":["liver","liver","肝脏"],"state":"rejected"}','{"box":[10.5,20.0,100.0,200.0],"label":["liver","liver","肝脏"],"state":"accepted"}','ann','2026-11-24T22:50:37.154363+00:00');
INSERT INTO "verdict" VALUES(4,6,NULL,'edited','{"box":[1.0,2.0,3.0,4.0],"label":null,"state":"drawn"}','{"box":[1.0,2.0,30.0,40.0],"label":["","vein",""],"state":"edited"}','bob','2026-11-24T22:50:37.155816+00:00');
CREATE TABLE "worklist" (
   "id" INTEGER PRIMARY KEY,
   "path" TEXT NOT NULL,
   "series_uid" TEXT NOT NULL,
   "title_en" TEXT NOT NULL,
   "title_zh" TEXT NOT NULL,
   "plane" TEXT,
   "slice" INTEGER NOT NULL,
   "window_center" REAL,
   "window_width" REAL,
   "opened" TEXT
);
INSERT INTO "worklist" VALUES(1,'/scans/ct','1.2.3','CT abdomen','腹部CT',NULL,7,NULL,NULL,NULL);
CREATE UNIQUE INDEX "idx_study_study_uid"
    ON "study" ("study_uid");
CREATE UNIQUE INDEX "idx_series_source_series_uid"
    ON "series" ("source", "series_uid");
CREATE UNIQUE INDEX "idx_image_series_id_plane_slice"
    ON "image" ("series_id", "plane", "slice");
CREATE UNIQUE INDEX "idx_region_supersedes_id"
    ON "region" ("supersedes_id");
CREATE INDEX "idx_region_image_id"
    ON "region" ("image_id");
CREATE INDEX "idx_region_root_id"
    ON "region" ("root_id");
CREATE INDEX "idx_suggestion_region_root_id"
    ON "suggestion" ("region_root_id");
CREATE INDEX "idx_verdict_region_id"
    ON "verdict" ("region_id");
CREATE UNIQUE INDEX "idx_worklist_path_series_uid"
    ON "worklist" ("path", "series_uid");
CREATE TRIGGER study_no_update BEFORE UPDATE ON study  BEGIN SELECT RAISE(ABORT, 'study is append-only'); END;
CREATE TRIGGER study_no_delete BEFORE DELETE ON study  BEGIN SELECT RAISE(ABORT, 'study is append-only'); END;
CREATE TRIGGER series_no_update BEFORE UPDATE ON series  BEGIN SELECT RAISE(ABORT, 'series is append-only'); END;
CREATE TRIGGER series_no_delete BEFORE DELETE ON series  BEGIN SELECT RAISE(ABORT, 'series is append-only'); END;
CREATE TRIGGER image_no_update BEFORE UPDATE ON image  BEGIN SELECT RAISE(ABORT, 'image is append-only'); END;
CREATE TRIGGER image_no_delete BEFORE DELETE ON image  BEGIN SELECT RAISE(ABORT, 'image is append-only'); END;
CREATE TRIGGER region_no_update BEFORE UPDATE ON region WHEN OLD.root_id IS NOT NULL BEGIN SELECT RAISE(ABORT, 'region is append-only'); END;
CREATE TRIGGER region_no_delete BEFORE DELETE ON region  BEGIN SELECT RAISE(ABORT, 'region is append-only'); END;
CREATE TRIGGER suggestion_no_update BEFORE UPDATE ON suggestion  BEGIN SELECT RAISE(ABORT, 'suggestion is append-only'); END;
CREATE TRIGGER suggestion_no_delete BEFORE DELETE ON suggestion  BEGIN SELECT RAISE(ABORT, 'suggestion is append-only'); END;
CREATE TRIGGER verdict_no_update BEFORE UPDATE ON verdict  BEGIN SELECT RAISE(ABORT, 'verdict is append-only'); END;
CREATE TRIGGER verdict_no_delete BEFORE DELETE ON verdict  BEGIN SELECT RAISE(ABORT, 'verdict is append-only'); END;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit  BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit  BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
CREATE INDEX scan_by_patient ON scan (patient, study_uid);
CREATE INDEX scan_by_opened ON scan (opened) WHERE opened IS NOT NULL;
CREATE INDEX scan_pinned ON scan (pinned) WHERE pinned = 1;
CREATE INDEX scan_file_by_folder ON scan_file (folder);
CREATE INDEX scan_file_by_path ON scan_file (path);
CREATE INDEX scan_file_by_scan ON scan_file (scan_id, place);
CREATE INDEX scan_mark_by_scan ON scan_mark (path, series_uid);
CREATE TRIGGER scan_mark_no_update BEFORE UPDATE ON scan_mark BEGIN SELECT RAISE(ABORT, 'scan_mark is append-only'); END;
CREATE TRIGGER scan_mark_no_delete BEFORE DELETE ON scan_mark BEGIN SELECT RAISE(ABORT, 'scan_mark is append-only'); END;
COMMIT;
